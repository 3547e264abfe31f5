"""How long memories last: through noise for many times the training length, and left alone for ever.

A network at rest is deterministic, and its numbers are finitely many, in fixed point and in floating point alike. Once
a state returns exactly, everything after it is known: such a memory was not watched for a long time, it was proved.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ffhw.training.analysis.dynamics import System
from ffhw.training.analysis.numbers import rounded
from ffhw.training.analysis.probe import Floats
from ffhw.training.tasks.flipflop import FlipFlopTask

_CHUNK = 1000
# targets are -1 and +1; an output that fades towards 0 is no answer
_CLEAR = 0.1


def long_holds(
    system: System,
    task: FlipFlopTask,
    factors: tuple[int, ...],
    repeats: int,
    seed: int,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> dict[str, Any]:
    """Share of the bits still right after holding every memory state through the task's input noise.

    Parameters
    ----------
    factors: how long, in lengths of a training sequence, ascending. repeats: noises tried for each state.

    Returns
    -------
    ``steps`` and ``bits_right`` at each factor, and ``sequences``.
    """
    state, signs = _written(system, task, repeats, seed)
    rng = np.random.default_rng(seed + 1)
    right, steps = [], 0
    last = factors[-1] * task.steps
    for factor in factors:
        while steps < factor * task.steps:
            count = min(_CHUNK, factor * task.steps - steps)
            noise = rng.normal(0.0, task.noise * task.amplitude, (len(state), count, task.channels))
            states, outputs = system.run(noise, state)
            state, steps = states[:, -1], steps + count
            progress(steps, last)
        right.append(float((np.sign(outputs[:, -1]) == signs).mean()))
    return {
        "factors": list(factors),
        "steps": [factor * task.steps for factor in factors],
        "bits_right": right,
        "sequences": len(state),
    }


def silent_holds(
    system: System,
    task: FlipFlopTask,
    steps: int,
    seed: int,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> dict[str, Any]:
    """Every memory state written once, then left without input and without noise; see :func:`hold`.

    Returns
    -------
    JSON data of :class:`Held`.
    """
    state, signs = _written(system, task, 1, seed)
    return hold(system, state, np.zeros(task.channels), steps, signs, progress).describe()


@dataclasses.dataclass(frozen=True)
class Held:
    """What became of states left alone.

    steps: what was asked for. watched: steps until every state had returned, or all of them.
    period ``[batch]``: steps after which a state returns exactly; 0 where none did.
    lost ``[batch]``: the first step at which an output was not on its memory's side by at least a tenth; 0 if none was.
    outputs ``[batch, O]`` and end ``[batch, S]``: at the end. drift: largest difference of a unit from the begin.
    """

    steps: int
    watched: int
    period: NDArray[np.int64]
    lost: NDArray[np.int64]
    outputs: Floats
    end: Floats
    drift: float

    @property
    def for_ever(self) -> bool:
        """Whether every state is known to stay in a cycle whatever the time."""
        return bool((self.period > 0).all())

    def describe(self) -> dict[str, Any]:
        """JSON data; ``ends``: how many different states there are at the end."""
        return {
            "steps": self.steps,
            "watched": self.watched,
            "for_ever": self.for_ever,
            "periods": self.period.tolist(),
            "lost_at": self.lost.tolist(),
            "memories_kept": float((self.lost == 0).mean()),
            "ends": len(np.unique(self.end.round(6), axis=0)),
            "drift": self.drift,
            "outputs": rounded(self.outputs),
        }


def hold(
    system: System,
    start: Floats,
    x: Floats,
    steps: int,
    signs: Floats,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Held:
    """Leave states ``[batch, S]`` under the constant input ``x [D]``; ``signs [batch, O]`` are their memories.

    Stops early once every state has returned to where it was before (Brent's method: a marker that is moved to ever
    later steps, and a comparison with it at each step).
    """
    state = marker = start
    marked_at, next_mark, done = 0, _CHUNK, 0
    period, lost = np.zeros(len(start), np.int64), np.zeros(len(start), np.int64)
    while done < steps:
        count = min(_CHUNK, steps - done)
        states, outputs = system.run(np.broadcast_to(x, (len(start), count, len(x))), state)
        state = states[:, -1]
        returned: Any = (states == marker[:, None]).all(axis=-1)
        period = np.where((period == 0) & returned.any(axis=1), returned.argmax(axis=1) + 1 + done - marked_at, period)
        wrong: Any = (outputs * signs[:, None] < _CLEAR).any(axis=-1)
        lost = np.where((lost == 0) & wrong.any(axis=1), wrong.argmax(axis=1) + 1 + done, lost)
        done += count
        progress(done, steps)
        if (period > 0).all():
            break
        if done >= next_mark:
            marker, marked_at, next_mark = state, done, 2 * done
    return Held(steps, done, period, lost, outputs[:, -1], state, float(np.abs(state - start).max()))


def _written(system: System, task: FlipFlopTask, repeats: int, seed: int) -> tuple[Floats, Floats]:
    """States right after every memory was written ``repeats`` times, and the signs asked for."""
    quiet = [task.write(seed + n, steps=round(task.interval_ms[0] / task.dt_ms)) for n in range(repeats)]
    x = np.concatenate([x for x, _ in quiet]).astype(np.float64)
    return system.run(x)[0][:, -1], np.concatenate([signs for _, signs in quiet])

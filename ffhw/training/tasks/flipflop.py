"""The n-bit flip-flop memory task (Sussillo & Barak, Neural Computation 25, 2013): data by the ton, from a seed."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
from numpy.typing import NDArray

from ffhw.training.tasks.base import TaskData
from ffhw.training.tasks.sequence import Loader, SequenceTask


@dataclasses.dataclass(frozen=True)
class FlipFlopTask:
    """Set (+1) and reset (-1) pulses on independent channels; each output holds the sign of its channel's last pulse.

    Parameters
    ----------
    channels: number of bits.
    steps: length of a sample, in steps of ``dt_ms``.
    dt_ms: length of a step in milliseconds.
    pulse_ms: width of a pulse. amplitude: its height.
    delay_ms: from a pulse's falling edge to the target's change.
    interval_ms: least and largest time from one pulse's end to the next pulse's begin, on the same channel.
    noise: standard deviation of the Gaussian noise on the inputs, as a share of the amplitude.
    """

    channels: int = 3
    steps: int = 350
    dt_ms: float = 1.0
    pulse_ms: float = 20.0
    amplitude: float = 1.0
    delay_ms: float = 20.0
    interval_ms: tuple[float, float] = (40.0, 160.0)
    noise: float = 0.1

    def __post_init__(self) -> None:
        for name in ("channels", "steps", "dt_ms", "pulse_ms"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be greater than 0, not {getattr(self, name)!r}")
        low, high = self.interval_ms
        if not self.delay_ms <= low <= high:
            raise ValueError(f"interval_ms must be ascending and at least delay_ms, not {self.interval_ms!r}")

    def _steps(self, ms: float) -> int:
        return max(1, round(ms / self.dt_ms))

    def generate(
        self, samples: int, seed: int, between: bool = True
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Inputs and targets ``[samples, steps, channels]``; targets are 0 before a channel's first pulse took effect.

        The task asks for a target from ``delay_ms`` after a pulse's falling edge to the channel's next pulse. In
        between it keeps its old value if ``between``, for training; else it is NaN, nothing is asked there.
        """
        x, y, begins = self.draw(samples, seed)
        if not between:
            y[self.pending(begins)] = np.nan
        return x, y

    def draw(self, samples: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
        """As :meth:`generate`, and at which steps pulses begin, ``[samples, channels, pulses]``."""
        rng = np.random.default_rng(seed)
        low, high = (self._steps(v) for v in self.interval_ms)
        pulse = self._steps(self.pulse_ms)
        most = self.steps // (pulse + low) + 2
        shape = (samples, self.channels, most)
        gaps = rng.integers(low, high, shape, endpoint=True)
        gaps[..., 0] = rng.integers(1, high, shape[:2], endpoint=True)  # the first pulse may come at once
        begins = np.cumsum(gaps + pulse, axis=-1) - pulse
        signs = rng.choice(np.array([-1, 1], np.int8), shape)
        return *self._render(begins, signs, rng), begins

    def pending(self, begins: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Steps ``[samples, steps, channels]`` at which a pulse has begun but not yet taken effect."""
        time = np.arange(self.steps)[None, :, None]
        wait = self._steps(self.pulse_ms) + self._steps(self.delay_ms)
        pending = np.zeros((len(begins), self.steps, self.channels), bool)
        for n in range(begins.shape[-1]):
            begin = begins[:, None, :, n]
            pending |= (time >= begin) & (time < begin + wait)
        return pending

    @property
    def inputs(self) -> int:
        """Input channels: one a bit."""
        return self.channels

    def rest(self) -> NDArray[np.float64]:
        """Inputs ``[1, channels]`` under which a memory must hold: none."""
        return np.zeros((1, self.channels))

    def tour(
        self, seed: int, hold_ms: float = 75.0, between: bool = True
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """One sample that visits all ``2^channels`` memory states in Gray-code order, ``hold_ms`` each.

        ``between`` as in :meth:`generate`.

        Returns
        -------
        Inputs and targets ``[1, steps, channels]``; 600 steps for three channels.
        """
        states = [
            tuple((g >> c) & 1 for c in range(self.channels)) for g in (n ^ n >> 1 for n in range(2**self.channels))
        ]
        hold = self._steps(hold_ms)
        events: list[list[tuple[int, int]]] = [[(1, 2 * bit - 1)] for bit in states[0]]
        for number, (before, after) in enumerate(itertools.pairwise(states), start=1):
            for channel in range(self.channels):
                if before[channel] != after[channel]:
                    events[channel].append((number * hold, 2 * after[channel] - 1))
        steps = len(states) * hold
        most = max(len(e) for e in events)
        begins = np.full((1, self.channels, most), steps + 1)
        signs = np.ones((1, self.channels, most), np.int8)
        for channel, list_ in enumerate(events):
            for number, (begin, sign) in enumerate(list_):
                begins[0, channel, number], signs[0, channel, number] = begin, sign
        longer = dataclasses.replace(self, steps=steps)
        x, y = longer._render(begins, signs, np.random.default_rng(seed))
        if not between:
            y[longer.pending(begins)] = np.nan
        return x, y

    def write(self, seed: int, steps: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Every memory state written by pulses that come at once, then ``steps`` of silence, noise included.

        Returns
        -------
        Inputs ``[2^channels, pulse + delay + steps, channels]`` and the states' signs ``[2^channels, channels]``.
        """
        signs = np.array(list(itertools.product((-1, 1), repeat=self.channels)), np.int8)[:, :, None]
        length = self._steps(self.pulse_ms) + self._steps(self.delay_ms) + steps
        longer = dataclasses.replace(self, steps=length)
        x, _ = longer._render(np.zeros(signs.shape, np.int64), signs, np.random.default_rng(seed))
        return x, signs[..., 0].astype(np.float32)

    def _render(
        self, begins: NDArray[np.int64], signs: NDArray[np.int8], rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Draw pulses that begin at ``begins [samples, channels, pulses]``."""
        samples, channels, most = begins.shape
        pulse, delay = self._steps(self.pulse_ms), self._steps(self.delay_ms)
        # rising and falling edges, summed along time, give the pulses; targets are steps of twice the sign
        room = self.steps + 1
        edges = np.zeros((samples, channels, room), np.float32)
        turns = np.zeros((samples, channels, room), np.float32)
        rows, columns = np.ogrid[:samples, :channels]
        held = np.zeros((samples, channels), np.float32)
        for n in range(most):
            sign = signs[..., n].astype(np.float32)
            begin = begins[..., n]
            np.add.at(edges, (rows, columns, np.minimum(begin, self.steps)), sign)
            np.add.at(edges, (rows, columns, np.minimum(begin + pulse, self.steps)), -sign)
            turn = np.minimum(begin + pulse + delay, self.steps)
            np.add.at(turns, (rows, columns, turn), sign - held)
            held = sign
        x = edges[..., :-1].cumsum(axis=-1) * self.amplitude
        y = turns[..., :-1].cumsum(axis=-1)
        x += rng.standard_normal(x.shape, np.float32) * (self.noise * self.amplitude)
        return np.ascontiguousarray(x.transpose(0, 2, 1)), np.ascontiguousarray(y.transpose(0, 2, 1))


def loader(task: FlipFlopTask, tested: FlipFlopTask | None = None) -> Loader:
    """Loader of a flip-flop memory; its test asks for nothing while a pulse takes effect, nor before the first one.

    Parameters
    ----------
    tested: what the test split is drawn of, ``task`` if None.
    """

    def load(seed: int) -> TaskData:
        x, y, begins = task.draw(15_000, seed)
        x_test, y_test = (tested or task).generate(512, seed + 1_000_003, between=False)
        lengths = np.full(len(x_test), x_test.shape[1])
        return TaskData(x, y, x_test, y_test, lengths, asked=~task.pending(begins) & (y != 0))

    return load


def flipflop(channels: int) -> SequenceTask:
    """The memory of so many bits."""
    generator = FlipFlopTask(channels=channels)
    return SequenceTask(
        name=f"flipflop{channels}",
        title=f"{channels}-bit flip-flop memory (Sussillo & Barak 2013)",
        load=loader(generator),
        outputs=channels,
        softmax=False,
        units=32,
        epochs=40,
        batch_size=128,
        learning_rate=2e-2,
        longest_hold=60.0,
        weight_limit=2.0 - 2.0**-6,
        generator=generator,
    )

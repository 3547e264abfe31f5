"""Fixed points of a network at rest, and their stability (Sussillo & Barak, Neural Computation 25, 2013).

A fixed point is where the speed ``q(s) = |F(s, x) - s|^2 / 2`` is 0. A slow point is a minimum of q close to 0, the
ghost of a fixed point: states linger there, and leave. The search minimises q by least squares from states that the
network visits, with the exact Jacobian.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from ffhw.training.analysis.activity import Activity
from ffhw.training.analysis.dynamics import Dynamics
from ffhw.training.analysis.numbers import rounded
from ffhw.training.analysis.probe import Floats, label_names

# below this speed a minimum of q counts as a fixed point, in states of order 1 and double precision
_STILL = 1e-20
# and a minimum below this one as a slow point: 1,000 steps go no further than about 1
_SLOW = 1e-6
_SAME = 1e-3
KINDS = ("stable", "unstable", "slow", "neutral")
_NEUTRAL = 1e-6
_EVALUATIONS = 100
_RELAXING_STEPS = 300


def fixed_points(
    system: Dynamics,
    recorded: Activity,
    rest: Floats,
    starts: int,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> dict[str, Any]:
    """Fixed points under each resting input, their stability, and where they lie among the memories.

    Parameters
    ----------
    recorded: the network's activity, for starts and for the axes. rest: inputs ``[contexts, D]``.
    starts: random searches a context; besides, one from each memory, one from where it relaxes to, and one from halfway
        between each two memories that differ in one output, where a saddle may divide them.

    Returns
    -------
    ``points``: ``kind``, one of :data:`KINDS`, coordinates along the principal axes, speed, number of unstable
    directions (Jacobian eigenvalues outside the unit circle), largest eigenvalue, the answer the readout gives there.
    ``counts``: how many there are of each kind. A neutral one is neither left nor returned to in some direction (an
    eigenvalue of 1): points beside it stand still as well, so that their number tells how many searches there were.
    """
    rng = np.random.default_rng(seed)
    visited = recorded.states.reshape(-1, system.state_size)
    answers, memories = recorded.memories()
    neighbours = [(i, j) for i, j in combinations(range(len(answers)), 2) if (answers[i] ^ answers[j]).bit_count() == 1]
    points: list[dict[str, Any]] = []
    total = len(rest) * (starts + 2 * len(memories) + len(neighbours))
    searches = 0
    for context, x in enumerate(rest):
        relaxed = relax(system, memories, x)
        random = visited[rng.permutation(len(visited))[:starts]]
        halfway = [(relaxed[i] + relaxed[j]) / 2 for i, j in neighbours]
        found: list[Floats] = []
        for start in (*relaxed, *memories, *halfway, *random):
            state, speed = search(system, start, x)
            if speed < _SLOW and all(np.linalg.norm(state - other) > _SAME for other in found):
                found.append(state)
            searches += 1
            progress(searches, total)
        points.extend(_describe(system, recorded, state, x, context) for state in found)
    kinds = [p["kind"] for p in points]
    return {
        "names": label_names(len(system.readout_bias)),
        "searches": total,
        "points": points,
        "counts": {kind: kinds.count(kind) for kind in KINDS},
    }


def relax(system: Dynamics, states: Floats, x: Floats) -> Floats:
    """Where states ``[batch, S]`` are after a few hundred steps of the constant input ``x [D]``."""
    for _ in range(_RELAXING_STEPS):
        states = system.step(states, x)
    return states


def search(system: Dynamics, start: Floats, x: Floats) -> tuple[Floats, float]:
    """State ``[S]`` of least speed near ``start [S]`` under the input ``x [D]``, and its speed.

    The speed is infinite if the search did not end.
    """
    result = least_squares(
        lambda s: system.step(s[None], x)[0] - s,
        start,
        jac=lambda s: system.jacobian(s[None], x)[0] - np.eye(len(s)),
        method="lm",
        xtol=1e-14,
        ftol=1e-14,
        gtol=1e-14,
        max_nfev=_EVALUATIONS,
    )
    return result.x, float(result.cost) if result.success or result.cost < _STILL else np.inf


def _describe(system: Dynamics, recorded: Activity, state: Floats, x: Floats, context: int) -> dict[str, Any]:
    values, vectors = np.linalg.eig(system.jacobian(state[None], x)[0])
    order = np.argsort(-np.abs(values))
    unstable = int((np.abs(values) > 1 + _NEUTRAL).sum())
    here = recorded.project(state[None])[0]
    # the least stable direction, seen along the principal axes
    direction = recorded.turn(vectors[:, order[0]].real)
    length = np.linalg.norm(direction)
    speed = float(0.5 * np.square(system.step(state[None], x) - state).sum())
    neutral = bool((np.abs(values) > 1 - _NEUTRAL).any())
    kind = "slow" if speed >= _STILL else "unstable" if unstable else "neutral" if neutral else "stable"
    return {
        "context": context,
        "kind": kind,
        "coordinates": rounded(here),
        "speed": speed,
        "unstable": unstable,
        "largest": float(np.abs(values[order[0]])),
        "direction": rounded(direction / length if length else direction),
        "outputs": rounded(system.outputs(state)),
    }

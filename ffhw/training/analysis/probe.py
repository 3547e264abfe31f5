"""What a network is shown to see what it learned: sequences, and where they ask for which answer."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ffhw.training.tasks.decisions import Trial
from ffhw.training.tasks.flipflop import FlipFlopTask

Floats = NDArray[np.float64]
Generator = FlipFlopTask | Trial


# A target jumps within one step, which no network does: this much later an answer must have followed.
GRACE_MS = 10.0


@dataclasses.dataclass(frozen=True)
class Probe:
    """Inputs ``x [batch, time, D]`` and targets ``y [batch, time, O]``; NaN asks for nothing.

    grace: steps by which an answer may be late and its sequence still succeeds.
    """

    x: Floats
    y: Floats
    grace: int = 0

    @property
    def due(self) -> NDArray[np.bool_]:
        """Where an answer of -1 or +1 has been asked for, unchanged, beyond the grace; ``[batch, time, O]``."""
        due = np.abs(self.y) == 1
        for late in range(1, self.grace + 1):
            due[:, :late] = False
            due[:, late:] &= self.y[:, late:] == self.y[:, :-late]
        return due

    @property
    def labels(self) -> NDArray[np.int64]:
        """The answer asked for at each step, ``[batch, time]``: bit c of it is 1 where target c is +1.

        -1 where any target is neither -1 nor +1: before the first answers, and while one changes.
        """
        settled = (np.abs(self.y) == 1).all(axis=-1)
        numbers = ((self.y > 0) << np.arange(self.y.shape[-1])).sum(axis=-1)
        return np.where(settled, numbers, -1)


def probe(generator: Generator, samples: int, seed: int) -> Probe:
    """Test sequences of a task."""
    if isinstance(generator, FlipFlopTask):
        return _probe(generator, generator.generate(samples, seed, between=False))
    return _probe(generator, generator.generate(samples, seed))


def showcase(generator: Generator, seed: int) -> Probe:
    """What one looks at first: the tour of all memory states, or four trials."""
    if isinstance(generator, FlipFlopTask):
        return _probe(generator, generator.tour(seed, between=False))
    return _probe(generator, generator.generate(4, seed))


def _probe(generator: Generator, arrays: tuple[Any, Any]) -> Probe:
    x, y = arrays
    return Probe(x.astype(np.float64), y.astype(np.float64), math.ceil(GRACE_MS / generator.dt_ms))


def label_names(outputs: int) -> list[str]:
    """Names of the answers in order of their numbers: a sign for each output, the first output first."""
    return ["".join("+" if n >> c & 1 else "\N{MINUS SIGN}" for c in range(outputs)) for n in range(2**outputs)]

"""Which steps of a sequence are answered, by a layer or by a chain of layers."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

# Steps of the longest sequence that hardware can have room for.
MOST_STEPS = 1 << 24


@dataclasses.dataclass(frozen=True)
class Rhythm:
    """Step ``lead`` of a sequence is answered, and every ``stride``-th behind it; or the sequence as a whole.

    Parameters
    ----------
    lead: steps before the first that is answered.
    stride: steps from one that is answered to the next.
    once: a sequence has one answer, however many steps it has.
    """

    lead: int = 0
    stride: int = 1
    once: bool = False

    @property
    def least(self) -> int:
        """Steps of the shortest sequence that has an answer."""
        return self.lead + 1

    def steps(self, length: Any) -> Any:
        """Answers of sequences of ``length`` steps, a number or an array; none where they are too short."""
        answered = np.maximum(0, (length - 1 - self.lead) // self.stride + 1)
        return np.minimum(answered, 1) if self.once else answered

    def longest(self, answers: int) -> int:
        """Steps of the longest sequence that has no more answers than these; of a rhythm that is not ``once``."""
        return self.lead + self.stride * answers

    def then(self, after: Rhythm) -> Rhythm:
        """The rhythm of a layer of this one and a layer ``after`` it."""
        if self.once:
            return self
        return Rhythm(self.lead + self.stride * after.lead, self.stride * after.stride, after.once)

"""The plan of a pooling engine: accumulators, a divider, and nothing to fold."""

from __future__ import annotations

from ffhw.hdl.engines.plans.unfolded import UnfoldedPlan
from ffhw.hdl.plan.memory import Memory
from ffhw.hdl.plan.weighted import banks
from ffhw.layers.pooling import PoolingLayer

# Cycles from a sequence's last beat to its first sum being read.
STAGES = 2
# Lookup tables of the engine without its adders, and of a divider a bit of the sum.
ENGINE_LUTS = 100
DIVIDER_LUTS = 5


class PoolingPlan(UnfoldedPlan):
    """Cycles and resources of :class:`ffhw.hdl.engines.pooling.Pooling`."""

    layer: PoolingLayer

    @property
    def input_width(self) -> int:
        """One element a beat."""
        return 1

    @property
    def output_width(self) -> int:
        """One element a beat, once a sequence."""
        return 1

    @property
    def beats(self) -> int:
        """Beats of a step, of as many elements as the engine before it gives at once."""
        return -(-self.layer.size // (self.before_width or self.input_width))

    @property
    def element_cycles(self) -> int:
        """Cycles from one element of an answer to the next: a quotient's bits, and its beginning."""
        return self.layer.input.bits + 1 if self.layer.pooling == "average" else 1

    def sequence_cycles(self, steps: int) -> int:
        # the answer's elements, or what is between reading them
        answer = max(self.layer.size * self.element_cycles, (self.layer.size - 1) * self.element_cycles + 3)
        return max(steps * self.beats, answer)

    def arrivals(self, before: list[int], width: int) -> list[int]:
        first = before[-1] + STAGES + (self.element_cycles if self.layer.pooling == "average" else 0)
        return [first + n * self.element_cycles for n in range(self.layer.size)]

    @property
    def sum_bits(self) -> int:
        """Bits of an accumulator, which counts codes from the smallest one."""
        return ((self.layer.max_steps or 1) * self.layer.span).bit_length()

    def memories(self) -> list[Memory]:
        """Two sets of accumulators, twice: they are read for the next step and for the answer before."""
        if self.beats == 1:
            return []
        width = self.before_width or self.input_width
        return [Memory(self.sum_bits * width, banks(self.beats), written=True)] * 2

    def luts(self) -> int:
        adders = 2 * self.sum_bits * (self.before_width or self.input_width)
        return ENGINE_LUTS + adders + (DIVIDER_LUTS * self.sum_bits if self.layer.pooling == "average" else 0)


PLAN = PoolingPlan

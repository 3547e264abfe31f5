"""The plan of a reversal's engine: room for two sequences."""

from __future__ import annotations

from ffhw.hdl.engines.plans.unfolded import UnfoldedPlan
from ffhw.hdl.plan.memory import Memory
from ffhw.hdl.plan.weighted import banks
from ffhw.layers.reversal import ReversalLayer

# Cycles from a sequence's last beat to the first one given.
STAGES = 2
LUTS = 120


def turned(arrivals: list[int]) -> list[int]:
    """Cycles in which the beats of a lone step leave, from those in which they arrive."""
    return [arrivals[-1] + STAGES + n for n in range(len(arrivals))]


class ReversalPlan(UnfoldedPlan):
    """Cycles and resources of :class:`ffhw.hdl.datapath.reversal.Reversal`."""

    layer: ReversalLayer
    transparent = True

    @property
    def input_width(self) -> int:
        """What the engine behind takes at once."""
        return self.before_width or (self.after.simd if self.after else 1)

    @property
    def output_width(self) -> int:
        """As the input."""
        return self.input_width

    @property
    def beats(self) -> int:
        """Beats of a step."""
        return -(-self.layer.size // self.input_width)

    def arrivals(self, before: list[int], width: int) -> list[int]:
        return turned(before)

    def memories(self) -> list[Memory]:
        return [Memory(self.layer.input.bits * self.input_width, banks(self.layer.steps * self.beats), written=True)]

    def luts(self) -> int:
        return LUTS


PLAN = ReversalPlan

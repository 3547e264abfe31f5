"""The plan of a reversal's engine: room for two sequences."""

from __future__ import annotations

from ffhw.hdl.plan.engine import EnginePerformance, EnginePlan
from ffhw.hdl.plan.folding import Folding
from ffhw.hdl.plan.weighted import banks
from ffhw.layers.reversal import ReversalLayer

# Cycles from a sequence's last beat to the first one given.
STAGES = 2
LUTS = 120


def turned(arrivals: list[int]) -> list[int]:
    """Cycles in which the beats of a lone step leave, from those in which they arrive."""
    return [arrivals[-1] + STAGES + n for n in range(len(arrivals))]


class ReversalPlan(EnginePlan):
    """Cycles and resources of :class:`ffhw.hdl.datapath.reversal.Reversal`."""

    layer: ReversalLayer
    transparent = True

    @classmethod
    def wish(cls, layer: ReversalLayer, lanes: int, simd: int) -> Folding | None:
        return None

    @classmethod
    def options(cls, layer: ReversalLayer) -> dict[int, Folding | None]:
        return {1: None}

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

    def memories(self) -> list[tuple[int, int]]:
        return [(self.layer.input.bits * self.input_width, banks(self.layer.steps * self.beats))]

    def products(self) -> list[tuple[int, int, int]]:
        return []

    def useful_products(self) -> tuple[int, int]:
        return 0, 0

    def luts(self) -> int:
        return LUTS

    def performance(self) -> EnginePerformance:
        return EnginePerformance(
            name=self.layer.name,
            kind=self.layer.kind,
            lanes=0,
            simd=0,
            finishers=0,
            ideal_cycles_per_step=self.beats,
            stall_cycles_per_step=0,
            cycles_per_step=self.beats,
            multipliers=0,
            macs=0,
            products_per_step=0,
            mac_utilisation=0.0,
            memory_bits=sum(width * depth for width, depth in self.memories()),
        )


PLAN = ReversalPlan

"""What the plans of engines without multipliers share: there is nothing to fold, and a step takes its beats."""

from __future__ import annotations

from ffhw.hdl.plan.engine import EnginePerformance, EnginePlan
from ffhw.hdl.plan.folding import Folding
from ffhw.layers.base import Layer


class UnfoldedPlan(EnginePlan):
    """Plan of an engine that passes beats; what they are, each kind says."""

    @property
    def beats(self) -> int:
        """Beats of a step."""
        raise NotImplementedError

    @classmethod
    def wish(cls, layer: Layer, lanes: int, simd: int) -> Folding | None:
        return None

    @classmethod
    def options(cls, layer: Layer) -> dict[int, Folding | None]:
        return {1: None}

    def products(self) -> list[tuple[int, int, int]]:
        return []

    def useful_products(self) -> tuple[int, int]:
        return 0, 0

    @property
    def memory_bits(self) -> int:
        """Bits of all memories."""
        return sum(memory.bits for memory in self.memories())

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
            memory_bits=self.memory_bits,
        )

"""The plan of an embedding engine: a table and nothing to fold."""

from __future__ import annotations

from ffhw.hdl.plan.engine import EnginePerformance, EnginePlan
from ffhw.hdl.plan.folding import Folding
from ffhw.layers.embedding import EmbeddingLayer

# Cycles from a token to the first word of its row.
STAGES = 2


class EmbeddingPlan(EnginePlan):
    """Cycles and resources of :class:`ffhw.hdl.engines.embedding.Embedding`."""

    layer: EmbeddingLayer

    @classmethod
    def wish(cls, layer: EmbeddingLayer, lanes: int, simd: int) -> Folding | None:
        return None

    @classmethod
    def options(cls, layer: EmbeddingLayer) -> dict[int, Folding | None]:
        return {1: None}

    @property
    def input_width(self) -> int:
        """One token a beat."""
        return 1

    @property
    def output_width(self) -> int:
        """What the next engine takes at once."""
        return self.after.simd if self.after else 1

    @property
    def beats(self) -> int:
        """Beats of a row."""
        return -(-self.layer.output_size // self.output_width)

    def arrivals(self, before: list[int], width: int) -> list[int]:
        return [before[-1] + STAGES + beat for beat in range(self.beats)]

    def memories(self) -> list[tuple[int, int]]:
        return [(self.layer.output.bits * self.output_width, len(self.layer.table) * self.beats)]

    def products(self) -> list[tuple[int, int, int]]:
        return []

    def useful_products(self) -> tuple[int, int]:
        return 0, 0

    def luts(self) -> int:
        return 0

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
            memory_bits=self.layer.table.size * self.layer.output.bits,
        )


PLAN = EmbeddingPlan

"""The plan of an embedding engine: a table and nothing to fold."""

from __future__ import annotations

from ffhw.hdl.engines.plans.unfolded import UnfoldedPlan
from ffhw.hdl.plan.memory import Memory
from ffhw.layers.embedding import EmbeddingLayer

# Cycles from a token to the first word of its row.
STAGES = 2


class EmbeddingPlan(UnfoldedPlan):
    """Cycles and resources of :class:`ffhw.hdl.engines.embedding.Embedding`."""

    layer: EmbeddingLayer

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

    def memories(self) -> list[Memory]:
        return [Memory(self.layer.output.bits * self.output_width, len(self.layer.table) * self.beats, trained=True)]

    @property
    def memory_bits(self) -> int:
        """Of the table, what fills its last words up left out."""
        return self.layer.table.size * self.layer.output.bits

    def luts(self) -> int:
        return 0


PLAN = EmbeddingPlan

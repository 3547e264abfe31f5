"""The plan of a recurrent engine, whatever its kind."""

from __future__ import annotations

from typing import ClassVar

from ffhw.hdl.plan.memory import Memory
from ffhw.hdl.plan.weighted import WeightedPlan, banks
from ffhw.layers.base import Layer
from ffhw.layers.recurrent import RecurrentLayer
from ffhw.numbers.tables import Table


class RecurrentPlan(WeightedPlan):
    """Cycles and resources of :class:`ffhw.hdl.engines.recurrent.RecurrentEngine`; a kind says what its cell is."""

    layer: RecurrentLayer

    cell_stages: ClassVar[int]  # latency of the cell
    reads: ClassVar[tuple[str, ...]] = ("h",)  # parts of its own old state that a unit needs

    @property
    def finish_stages(self) -> int:
        """Add bias; then the cell."""
        return 1 + self.cell_stages

    @property
    def state_width(self) -> int:
        """All parts of F units."""
        return self.folding.finishers * len(self.layer.state_signals)

    @property
    def probes(self) -> list[tuple[str, Layer, int]]:
        """Of F units."""
        return [("", self.layer, self.folding.finishers)]

    def lookups(self) -> list[Table]:
        """The gates."""
        return list(self.layer.tables)

    def finisher_bits(self) -> int:
        """A state code each stage of the cell."""
        return self.cell_stages * self.layer.state.bits * self.folding.finishers

    def finisher_memories(self) -> list[Memory]:
        """The states: h as vectors in two banks, and what the cell reads unit by unit."""
        formats = self.layer.signal_formats
        own = sum(formats[name].bits for name in self.reads) * self.folding.finishers
        shapes = []
        if self.schedule.h_words:
            shapes.append(Memory(self.layer.state.bits * self.folding.simd, banks(self.schedule.h_words), written=True))
        return [*shapes, Memory(own, self.schedule.step_beats, written=True)] if own else shapes

    @property
    def cycles(self) -> int:
        """Where no product waits for a state, a unit's update still waits for its last one to be written."""
        return max(super().cycles, 0 if self.schedule.h_words else self.cell_stages + 1)

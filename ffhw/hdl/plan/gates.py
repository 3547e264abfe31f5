"""The plan of an engine of gates: every unit at once, weights that are wires, a step a cycle."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ffhw.errors import InputError
from ffhw.hdl.plan.engine import EnginePerformance, EnginePlan
from ffhw.hdl.plan.folding import Folding
from ffhw.hdl.plan.memory import Memory
from ffhw.layers.weighted import WeightedLayer
from ffhw.numbers.formats import Unorm

STYLE = "gates"
# Bits that the sums of a layer add up: as many full adders, more or less. What is beyond fills the largest device.
MOST_BITS = 1 << 15
# Lookup tables of each such bit, of each unit: within 40 % of what yosys made of 19 random JK layers of 8 to 32 units.
BIT_LUTS, UNIT_LUTS = 1.45, 4.0


def summed_bits(layer: WeightedLayer) -> int:
    """Bits that the sums of a layer add up: of each weight's magnitude those that are 1, times those of its operand."""
    total = 0
    for matrix, (fmt, _) in zip(layer.matrices, layer.operands, strict=False):
        sizes = np.abs(matrix)
        ones = sum(int((sizes >> place & 1).sum()) for place in range(int(sizes.max(initial=0)).bit_length()))
        total += ones * fmt.bits
    return total


class GatesPlan(EnginePlan):
    """Cycles and resources of an engine of gates; a kind says what is different."""

    layer: WeightedLayer
    folding: Folding
    stages: ClassVar[int]  # cycles from an input vector to its answer

    @classmethod
    def check(cls, layer: WeightedLayer) -> None:
        """Refuse a layer that has no such engine.

        Raises
        ------
        InputError: says why.
        """
        bits = summed_bits(layer)
        if bits > MOST_BITS:
            raise InputError(
                f"layer {layer.name!r}: its sums add up {bits:,} bits, --style gates takes {MOST_BITS:,}: use fewer "
                "units, fewer bits, or lanes"
            )

    @classmethod
    def wish(cls, layer: WeightedLayer, lanes: int, simd: int) -> Folding:
        cls.check(layer)
        return Folding(layer.units, layer.input_size, layer.output_size, STYLE)

    @classmethod
    def complete(cls, layer: WeightedLayer, wish: Folding, after: Folding | None) -> Folding:
        return cls.wish(layer, 1, 1)

    @classmethod
    def options(cls, layer: WeightedLayer) -> dict[int, Folding | None]:
        return {1: cls.wish(layer, 1, 1)}

    @property
    def input_width(self) -> int:
        return self.layer.input_size

    @property
    def output_width(self) -> int:
        return self.layer.output_size

    def arrivals(self, before: list[int], width: int) -> list[int]:
        return [before[-1] + self.stages]

    def memories(self) -> list[Memory]:
        return []

    def products(self) -> list[tuple[int, int, int]]:
        return []

    def useful_products(self) -> tuple[int, int]:
        return 0, 0

    def luts(self) -> int:
        """Lookup tables, an estimate."""
        return round(BIT_LUTS * summed_bits(self.layer) + UNIT_LUTS * self.layer.units)

    def performance(self) -> EnginePerformance:
        layer = self.layer
        elements = sum(matrix.shape[-1] for matrix in layer.matrices)
        return EnginePerformance(
            name=layer.name,
            kind=layer.kind,
            lanes=self.folding.lanes,
            simd=self.folding.simd,
            finishers=self.folding.finishers,
            ideal_cycles_per_step=1,
            stall_cycles_per_step=0,
            cycles_per_step=1,
            multipliers=0,
            macs=0,
            products_per_step=layer.gates * layer.units * elements,
            mac_utilisation=0.0,
            memory_bits=sum(memory.bits for memory in self.memories()),
        )


class RecurrentGatesPlan(GatesPlan):
    """Of :class:`ffhw.hdl.engines.gates.recurrent.RecurrentGates`."""

    stages = 2

    @classmethod
    def check(cls, layer: WeightedLayer) -> None:
        super().check(layer)
        if layer.output != Unorm(1):
            raise InputError(
                f"layer {layer.name!r}: --style gates takes states of one bit, not {layer.output}: give --state-bits 1"
            )

    @property
    def probes(self) -> list[tuple[str, WeightedLayer, int]]:  # type: ignore[override]
        """Of all units."""
        return [("", self.layer, self.layer.units)]

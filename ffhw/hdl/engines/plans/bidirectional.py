"""The plan of a bidirectional engine: two engines of one folding, reversals, and what waits."""

from __future__ import annotations

import dataclasses
import math

from ffhw.hdl.engines.plans.recurrent import RecurrentPlan
from ffhw.hdl.engines.plans.reversal import LUTS, turned
from ffhw.hdl.plan.engine import EnginePerformance, EnginePlan, plan_class
from ffhw.hdl.plan.folding import Folding
from ffhw.hdl.plan.memory import Memory
from ffhw.hdl.plan.weighted import banks
from ffhw.layers.base import Layer
from ffhw.layers.bidirectional import BidirectionalLayer

# Cycles from a beat of the forward engine to its being read behind the memory where it waits.
WAITING_STAGES = 2
# Cycles of sums, averages and products.
MERGE_STAGES = 2
# Beats of the forward engine that may wait besides the sequences that do, so that it need not.
SPARE_STEPS = 2


class BidirectionalPlan(EnginePlan):
    """Cycles and resources of :class:`ffhw.hdl.engines.bidirectional.BidirectionalEngine`."""

    layer: BidirectionalLayer
    folding: Folding

    @classmethod
    def _inner(cls, layer: BidirectionalLayer) -> type[EnginePlan]:
        return plan_class(layer.ahead)

    @classmethod
    def wish(cls, layer: BidirectionalLayer, lanes: int, simd: int) -> Folding | None:
        return cls._inner(layer).wish(layer.ahead, lanes, simd)

    @classmethod
    def complete(cls, layer: BidirectionalLayer, wish: Folding, after: Folding | None) -> Folding:
        """As the engines need; vectors are joined as whole beats, so that F divides N as well."""
        folding = cls._inner(layer).complete(layer.ahead, wish, after)
        return dataclasses.replace(folding, finishers=math.gcd(folding.finishers, layer.units))

    @classmethod
    def options(cls, layer: BidirectionalLayer) -> dict[int, Folding | None]:
        return cls._inner(layer).options(layer.ahead)

    @property
    def parts(self) -> tuple[RecurrentPlan, RecurrentPlan]:
        """Plans of both engines."""
        ahead, back = (plan_class(part)(part, self.folding) for part in self.layer.directions.values())
        assert isinstance(ahead, RecurrentPlan)
        assert isinstance(back, RecurrentPlan)
        return ahead, back

    @property
    def input_width(self) -> int:
        return self.folding.simd

    @property
    def output_width(self) -> int:
        return self.folding.finishers

    @property
    def probes(self) -> list[tuple[str, Layer, int]]:
        return [(name, part, self.folding.finishers) for name, part in self.layer.directions.items()]

    @property
    def beats(self) -> int:
        """Beats of a step of one direction."""
        return self.layer.units // self.folding.finishers

    @property
    def waiting_beats(self) -> int:
        """Beats of the forward engine that are stored: two sequences, or some answers of whole ones."""
        return (2 * self.layer.steps + SPARE_STEPS if self.layer.return_sequences else 4) * self.beats

    @property
    def merged_beats(self) -> int:
        """Beats of a merged step; of a layer that answers once a sequence they are none of a step's business."""
        return self.layer.output_size // self.folding.finishers if self.layer.return_sequences else 0

    @property
    def cycles(self) -> int:
        """Cycles a step: those of the slower engine, or the beats that a merged step takes."""
        return max(self.merged_beats, *(part.cycles for part in self.parts))

    def sequence_cycles(self, steps: int) -> int:
        return max(steps * self.merged_beats, *(part.sequence_cycles(steps) for part in self.parts))

    def arrivals(self, before: list[int], width: int) -> list[int]:
        ahead, back = self.parts
        early = [cycle + WAITING_STAGES for cycle in ahead.arrivals(before, width)]
        late = back.arrivals(turned(before), width)
        if self.layer.return_sequences:
            late = turned(late)
        elif self.layer.merge == "concat":
            late = [cycle + WAITING_STAGES for cycle in late]
        times: list[int] = []
        if self.layer.merge == "concat":
            for cycle in [*early, *late]:
                times.append(max(cycle, times[-1] + 1) if times else cycle)
            return times
        for pair in zip(early, late, strict=True):
            times.append(max(*pair, times[-1] + 1) if times else max(pair))
        return [cycle + MERGE_STAGES for cycle in times]

    def memories(self) -> list[Memory]:
        layer, folding = self.layer, self.folding
        width = self.before_width or self.input_width
        beats = -(-layer.input_size // width)
        shapes = [shape for part in self.parts for shape in part.memories()]
        shapes.append(Memory(layer.input.bits * width, banks(layer.steps * beats), written=True))
        state = layer.ahead.state.bits * folding.finishers
        if layer.return_sequences:
            shapes.append(Memory(state, banks(layer.steps * self.beats), written=True))
        elif layer.merge == "concat":
            shapes.append(Memory(state + 1, 2 * self.beats, written=True))
        return [*shapes, Memory(state, self.waiting_beats, written=True)]

    def products(self) -> list[tuple[int, int, int]]:
        shapes = [shape for part in self.parts for shape in part.products()]
        if self.layer.merge == "mul":
            bits = self.layer.ahead.state.bits
            shapes.append((self.folding.finishers, bits, bits))
        return shapes

    def useful_products(self) -> tuple[int, int]:
        useful = [part.useful_products() for part in self.parts]
        return sum(products for products, _ in useful), sum(macs for _, macs in useful)

    def luts(self) -> int:
        return sum(part.luts() for part in self.parts) + 3 * LUTS

    def performance(self) -> EnginePerformance:
        ahead = self.parts[0].performance()
        products, macs = self.useful_products()
        return dataclasses.replace(
            ahead,
            name=self.layer.name,
            kind=self.layer.kind,
            stall_cycles_per_step=self.cycles - ahead.ideal_cycles_per_step,
            cycles_per_step=self.cycles,
            multipliers=sum(count for count, _, _ in self.products()),
            macs=macs,
            products_per_step=products,
            mac_utilisation=products / (macs * self.cycles),
            memory_bits=sum(memory.bits for memory in self.memories()),
        )


PLAN = BidirectionalPlan

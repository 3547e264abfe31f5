"""The plan of an engine of weighted sums: lanes in front, finishing units behind.

The numbers are those of the RTL, to the cycle; tests hold them against simulation.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import math
from collections.abc import Iterable

import numpy as np

from ffhw.hdl.plan.engine import EnginePerformance, EnginePlan
from ffhw.hdl.plan.folding import Folding, Schedule, schedule
from ffhw.hdl.plan.memory import Memory
from ffhw.layers.weighted import WeightedLayer
from ffhw.numbers.formats import Format
from ffhw.numbers.tables import Table

# Registers between a unit's last product being issued and its accumulator holding the sum, without the adder tree:
# memory output, operand, product, accumulator.
MAC_STAGES = 4
# Operands added in one stage of the adder tree.
TREE_RADIX = 4
# Cycles from an input beat being accepted to its word being issued.
BUFFER_STAGES = 1
# Cycles of loading a state besides one for each beat: the slot sees that the engine is at rest, the old state is
# forgotten.
LOAD_STAGES = 2
# Lookup tables: of an engine whatever it computes, of each accumulator's bit with its place in line, of each bit and
# stage of a finishing unit, of each bit of other adders. Fitted to what was built by benchmarks/logic.py, which says
# how far off a design that was not fitted can be.
ENGINE_LUTS, ACCUMULATOR_BIT_LUTS, FINISHER_BIT_LUTS, ADDER_BIT_LUTS = 216, 3.32, 6.01, 1.61
LUTS_ERROR = 0.32


def tree_stages(simd: int) -> int:
    """Register stages that add up ``simd`` products."""
    stages = 0
    while simd > 1:
        simd = -(-simd // TREE_RADIX)
        stages += 1
    return stages


def signed_bits(fmt: Format) -> int:
    """Bits of a code of a format in a signed word."""
    return fmt.bits + (not fmt.signed)


def operand_bits(layer: WeightedLayer) -> int:
    """Signed width of what the lanes multiply weights by: inputs and states, aligned with each other."""
    return max(signed_bits(fmt) + shift for fmt, shift in layer.operands)


class WeightedPlan(EnginePlan):
    """Plan of a layer with accumulators; what its finishing units are, each kind says."""

    layer: WeightedLayer
    folding: Folding

    # --- what a kind says of its finishing unit ---
    serial = False  # results are taken one unit after the other, whatever the lanes

    @property
    def finish_stages(self) -> int:
        """Cycles from a unit's accumulator to its result standing at the engine's output."""
        raise NotImplementedError

    @property
    def write_stages(self) -> int:
        """Cycles from there to a product with the new state; of a layer with a recurrent vector."""
        return 1

    def finisher_products(self) -> list[tuple[int, int]]:
        """Widths of the factors of each multiplier of a finishing unit, as they are, or signed where they differ."""
        return []

    def lookups(self) -> list[Table]:
        """The table of each look-up of a finishing unit."""
        return []

    def finisher_bits(self) -> int:
        """Registers of the finishing units, over their stages."""
        return 0

    def finisher_memories(self) -> list[Memory]:
        """Memories that the finishing units need besides their tables."""
        return []

    # --- what follows ---
    @property
    def schedule(self) -> Schedule:
        """The order of work."""
        return schedule(self.layer, self.folding)

    @classmethod
    def longest(cls, layer: WeightedLayer) -> int:
        """Elements of the longest vector that the lanes multiply."""
        return max(layer.input_size, layer.recurrent_size, 1)

    @classmethod
    def simds(cls, layer: WeightedLayer) -> Iterable[int]:
        """The S to choose among."""
        return [s for s in (1, 2, 4, 8, 16) if s <= cls.longest(layer)]

    @classmethod
    def wish(cls, layer: WeightedLayer, lanes: int, simd: int) -> Folding | None:
        return Folding(min(lanes, layer.units), min(simd, cls.longest(layer)))

    @classmethod
    def complete(cls, layer: WeightedLayer, wish: Folding, after: Folding | None) -> Folding:
        """Fewest finishers that empty a group's lanes while the next group is computed.

        Results go to the state memory and to the next engine in beats that must divide their words evenly, hence a
        common divisor of all widths; where no divisor is fast enough the largest one is used and each group pauses.
        """
        if cls(layer, wish).serial:
            return dataclasses.replace(wish, finishers=1)
        common = wish.lanes
        if layer.recurrent_size:
            common = math.gcd(common, wish.simd)
        if after is not None:
            common = math.gcd(common, after.simd)
        words = schedule(layer, wish).group_words
        divisors = [f for f in range(1, common + 1) if common % f == 0]
        finishers = next((f for f in divisors if wish.lanes // f <= words), divisors[-1])
        return dataclasses.replace(wish, finishers=finishers)

    @classmethod
    def options(cls, layer: WeightedLayer) -> dict[int, Folding | None]:
        result: dict[int, Folding | None] = {}
        cost: dict[int, int] = {}
        lanes = sorted({math.ceil(layer.units / groups) for groups in range(1, layer.units + 1)})
        for simd in cls.simds(layer):
            for p in lanes:
                plan = cls(layer, Folding(p, simd))
                macs = plan.schedule.macs
                if plan.cycles not in cost or macs < cost[plan.cycles]:
                    result[plan.cycles], cost[plan.cycles] = Folding(p, simd), macs
        return result

    @property
    def input_width(self) -> int:
        return self.folding.simd

    @property
    def output_width(self) -> int:
        return 1 if self.layer.output_size == 1 else self.folding.finishers

    @property
    def drain_latency(self) -> int:
        """L: cycles from issuing a unit's last product to issuing a product with its new state."""
        return MAC_STAGES + tree_stages(self.folding.simd) + self.finish_stages + self.write_stages

    @property
    def interval(self) -> int:
        """Cycles from a group to the next."""
        return self.schedule.group_words + self.schedule.group_pause

    @property
    def drain_stall(self) -> int:
        """Cycles a step waits for recurrent vectors: that of the step before, and that of its dependent gates."""
        return self.stall_behind(0) + self.dependent_stall

    @property
    def dependent_stall(self) -> int:
        """Cycles a step's dependent gates wait for the vector that its first gate makes."""
        plan = self.schedule
        if not plan.dependent:
            return 0
        return self.stall_behind((plan.free_groups - plan.groups) * self.interval)

    def stall_behind(self, hidden: int) -> int:
        """Cycles that a recurrent vector is late; 0 where other work hides the drain.

        The groups that read it consume inputs and early elements first, in the order in which elements are finished.
        Word w of S elements is asked for ``x_words + w`` cycles into the first of these groups; its last element was
        finished by group ``element // P``, as that group's beat ``(element mod P) // F``.

        Parameters
        ----------
        hidden: cycles of other groups between those that make the vector and those that read it.
        """
        plan = self.schedule
        lanes, simd, finishers = self.folding.lanes, self.folding.simd, self.folding.finishers
        latest = 0
        for word in range(plan.h_words):
            element = min((word + 1) * simd, plan.units) - 1
            # counted from the cycle in which the first group that reads it may begin
            issued = -hidden - (plan.groups - 1 - element // lanes) * self.interval - plan.group_pause - 1
            readable = issued + (element % lanes) // finishers + self.drain_latency
            latest = max(latest, readable - plan.x_words - word)
        return latest

    @property
    def cycles(self) -> int:
        """Cycles a time step in the steady state, stalls included."""
        return self.schedule.step_groups * self.interval + self.drain_stall

    def sequence_cycles(self, steps: int) -> int:
        # the first step of a sequence starts from zeros and waits for none of them
        return steps * self.cycles - self.drain_stall

    @property
    def loaded_cycles(self) -> int:
        """Cycles between sequences of one step that all start from a loaded state; of a layer with a state.

        Nothing of two such sequences overlaps in the engine: a step's last result has left it, then its state is loaded
        from the slot where it waits.
        """
        plan = self.schedule
        leaves = self.arrivals([0] * plan.inputs, 1)[-1] - BUFFER_STAGES
        return leaves + self.dependent_stall + 1 + LOAD_STAGES + plan.step_beats

    def arrivals(self, before: list[int], width: int) -> list[int]:
        folding, plan = self.folding, self.schedule
        cycle = before[0]
        # the first group waits for its inputs; the initial state is zero and waits for nothing
        for word in range(plan.x_words):
            elements = min((word + 1) * folding.simd, plan.inputs)
            cycle = max(cycle, before[-(-elements // width) - 1] + BUFFER_STAGES) + 1
        final = cycle - 1 + plan.h_words + (plan.rounds - 1) * plan.groups * self.interval
        times = []
        for group in range(plan.groups):
            issued = final + group * self.interval
            units = min(folding.lanes, plan.units - group * folding.lanes)
            done = issued + MAC_STAGES + tree_stages(folding.simd) + self.finish_stages
            times += [done + beat for beat in range(-(-units // folding.finishers))]
        return times[-1:] if self.serial else times

    def memories(self) -> list[Memory]:
        layer, plan, finishers = self.layer, self.schedule, self.folding.finishers
        shapes = [
            Memory(plan.macs * layer.stored_bits, plan.ideal_cycles, trained=True),  # weights
            Memory(plan.sums * finishers * layer.acc_width, plan.sum_beats, trained=True),  # biases
            Memory(layer.input.bits * self.folding.simd, banks(plan.x_words), written=True),  # inputs, two banks
        ]
        for table, count in collections.Counter(self.lookups()).items():
            shapes.append(stored(table, count * finishers))
        return shapes + self.finisher_memories()

    def products(self) -> list[tuple[int, int, int]]:
        own = (self.schedule.macs, operand_bits(self.layer), self.layer.stored_bits)
        # of weights of few codes there is nothing to multiply
        lanes = [own] if self.layer.multiplied else []
        return [*lanes, *((self.folding.finishers, a, b) for a, b in self.finisher_products())]

    def useful_products(self) -> tuple[int, int]:
        return self.schedule.multiplications, self.schedule.macs

    def luts(self) -> int:
        """Lookup tables, an estimate; memories and products that are made of such are not among them."""
        logic = ACCUMULATOR_BIT_LUTS * self.accumulator_bits() + FINISHER_BIT_LUTS * self.finisher_bits()
        return round(ENGINE_LUTS + logic + ADDER_BIT_LUTS * self.adder_bits())

    def adder_bits(self) -> int:
        """Of what adds a lane's further products up, and of what chooses products of weights of few codes."""
        layer = self.layer
        choices = 0 if layer.multiplied else self.schedule.macs * (operand_bits(layer) + 1)
        width = operand_bits(layer) + (layer.stored_bits if layer.multiplied else 1)
        return choices + self.schedule.gates * self.folding.lanes * (self.folding.simd - 1) * width

    def accumulator_bits(self) -> int:
        """Of all lanes."""
        return self.schedule.sums * self.folding.lanes * self.layer.acc_width

    def performance(self) -> EnginePerformance:
        plan = self.schedule
        cycles = self.cycles
        return EnginePerformance(
            name=self.layer.name,
            kind=self.layer.kind,
            lanes=self.folding.lanes,
            simd=self.folding.simd,
            finishers=self.folding.finishers,
            ideal_cycles_per_step=plan.ideal_cycles,
            stall_cycles_per_step=cycles - plan.ideal_cycles,
            cycles_per_step=cycles,
            multipliers=sum(count for count, _, _ in self.products()),
            macs=plan.macs,
            products_per_step=plan.multiplications,
            mac_utilisation=plan.multiplications / (plan.macs * cycles),
            memory_bits=sum(memory.bits for memory in self.memories()),
        )


def stored(table: Table, ports: int) -> Memory:
    """The memory of a table that is looked up so often a cycle: its half that is stored."""
    return Memory(table.bits, 1 << (table.index_bits - 1), ports=ports, fixed=fixed_bits(table))


@functools.cache
def fixed_bits(table: Table) -> int:
    """Bits that all words of the stored half of a table have in common."""
    words = table.half & ((1 << table.bits) - 1)
    changing = np.bitwise_or.reduce(words ^ words[0])
    return table.bits - int(changing).bit_count()


def banks(words: int) -> int:
    """Depth of a memory of two banks; the top address bit names the bank."""
    return (1 << (words - 1).bit_length()) + words

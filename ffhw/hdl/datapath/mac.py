"""The multiply-accumulate array: the part of an engine that works in every cycle.

Where weights are -1, 0 and 1 only, there is nothing to multiply: -v is made once for all lanes and gates, and a product
is a choice of -v, 0 and v, one lookup table a bit.
"""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ffhw.hdl.datapath.keep import KEEP
from ffhw.hdl.plan.weighted import TREE_RADIX, tree_stages


class MacArray(wiring.Component):
    """Sums of products that share their operands: one for each lane and gate.

    Each cycle with ``en`` it takes S operands and a weight for each of them, each lane and each gate. ``first`` starts
    new sums. Of the last ``apart`` gates, ``turn`` puts the sum aside and starts a second one with the same
    multiplier. Latency: an accumulator holds the sum 3 cycles (operand, product, sum) and one for each level of the
    adder tree after its last operands were taken. Throughput: one word of operands a cycle.

    Parameters
    ----------
    lanes, gates: how many of each. apart: gates of two sums, the last ones.
    simd: S, products a cycle, lane and gate.
    operand_width, weight_width, acc_width: two's complement bits; the accumulator's must never overflow.
    multiplied: weights are numbers; else they are -1, 0 and 1 in two bits, or in one bit -1 and, for 0, 1.

    Members
    -------
    en: all registers advance, or none does.
    operand: S operands; weight: S weights for each gate of each lane, gates of lane 0 first.
    valid: operands and weights count; first: they start a sum; turn: they start the second one.
    acc: the sums of each lane: of each gate, then the second ones.
    """

    def __init__(
        self,
        *,
        lanes: int,
        gates: int,
        simd: int,
        operand_width: int,
        weight_width: int,
        acc_width: int,
        apart: int = 0,
        multiplied: bool = True,
    ) -> None:
        for name, value in (("lanes", lanes), ("gates", gates), ("simd", simd), ("operand_width", operand_width)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, not {value!r}")
        self.lanes = lanes
        self.gates = gates
        self.apart = apart
        self.simd = simd
        self.operand_width = operand_width
        self.weight_width = weight_width
        self.acc_width = acc_width
        self.multiplied = multiplied
        super().__init__(
            {
                "en": In(1),
                "operand": In(data.ArrayLayout(signed(operand_width), simd)),
                "weight": In(data.ArrayLayout(data.ArrayLayout(signed(weight_width), simd), lanes * gates)),
                "valid": In(1),
                "first": In(1),
                "turn": In(1),
                "acc": Out(data.ArrayLayout(signed(acc_width), lanes * (gates + apart))),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        # Operand and product registers hold data only and need no reset: DSP blocks can then absorb them.
        operands = [Signal(signed(self.operand_width), name=f"operand_{s}", reset_less=True) for s in range(self.simd)]
        with m.If(self.en):
            m.d.sync += [reg.eq(self.operand[s]) for s, reg in enumerate(operands)]
        negated = [] if self.multiplied else self._negated(m)

        # valid, first and turn accompany the data: operand, product, tree levels
        valid, first, turn = self.valid, self.first, self.turn
        for stage in range(2 + tree_stages(self.simd)):
            valid_reg = Signal(name=f"valid_{stage}")
            first_reg = Signal(name=f"first_{stage}", reset_less=True)
            turn_reg = Signal(name=f"turn_{stage}", reset_less=True)
            with m.If(self.en):
                m.d.sync += [valid_reg.eq(valid), first_reg.eq(first), turn_reg.eq(turn)]
            valid, first, turn = valid_reg, first_reg, turn_reg

        for a in range(self.lanes * self.gates):
            terms = []
            for s in range(self.simd):
                weight = Signal(signed(self.weight_width), name=f"weight_{a}_{s}", reset_less=True)
                product = Signal(
                    signed(self.operand_width + (self.weight_width if self.multiplied else 1)),
                    name=f"product_{a}_{s}",
                    reset_less=True,
                    # with S = 1 a product meets no other one
                    attrs=KEEP if self.simd > 1 and self.multiplied else None,
                )
                with m.If(self.en):
                    m.d.sync += weight.eq(self.weight[a][s])
                    if self.multiplied:
                        # product = w * v
                        m.d.sync += product.eq(weight * operands[s])
                    else:
                        m.d.sync += product.eq(_chosen(weight, operands[s], negated[s]))
                terms.append(product)
            level = 0
            while len(terms) > 1:
                sums = []
                for n in range(0, len(terms), TREE_RADIX):
                    total = sum(terms[n + 1 : n + TREE_RADIX], start=terms[n])
                    partial = Signal(
                        signed(min(len(total), self.acc_width)), name=f"sum_{a}_{level}_{n}", reset_less=True
                    )
                    with m.If(self.en):
                        # sum = product_n + product_{n+1} + ...
                        m.d.sync += partial.eq(total)
                    sums.append(partial)
                terms = sums
                level += 1
            acc = Signal(signed(self.acc_width), name=f"acc_{a}", reset_less=True)
            lane, gate = divmod(a, self.gates)
            place = lane * (self.gates + self.apart) + gate
            begins = first
            if gate >= self.gates - self.apart:
                begins = first | turn
                aside = Signal(signed(self.acc_width), name=f"aside_{a}", reset_less=True)
                with m.If(self.en & valid & turn):
                    m.d.sync += aside.eq(acc)
                m.d.comb += [self.acc[place].eq(aside), self.acc[place + self.apart].eq(acc)]
            else:
                m.d.comb += self.acc[place].eq(acc)
            with m.If(self.en & valid):
                # acc = sum of all products since `first`, or since `turn`
                m.d.sync += acc.eq(Mux(begins, 0, acc) + terms[0])
        return m

    def _negated(self, m: Module) -> list[Signal]:
        """Registers of -v beside those of v."""
        # one bit wider: the smallest number of two's complement has no opposite
        width = signed(self.operand_width + 1)
        negated = [Signal(width, name=f"negated_{s}", reset_less=True) for s in range(self.simd)]
        with m.If(self.en):
            # negated = -v
            m.d.sync += [reg.eq(-self.operand[s]) for s, reg in enumerate(negated)]
        return negated


def _chosen(weight: Signal, operand: Signal, negated: Signal) -> Any:
    """The product of a weight of few codes."""
    if len(weight) == 1:
        # product = -v where w = -1, else v
        return Mux(weight[0], negated, operand)
    # product = -v where w = -1, v where w = 1, else 0
    return Mux(weight[1], negated, Mux(weight[0], operand, 0))

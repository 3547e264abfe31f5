"""The multiply-accumulate array: the part of an engine that works in every cycle."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ffhw.hdl.datapath.keep import KEEP
from ffhw.hdl.plan.weighted import TREE_RADIX, tree_stages


class MacArray(wiring.Component):
    """``accumulators`` sums of products that share their operands.

    Each cycle with ``en`` it takes S operands and a weight for each of them and each accumulator. ``first`` starts new
    sums. Latency: an accumulator holds the sum 3 cycles (operand, product, sum) and one for each level of the adder
    tree after its last operands were taken. Throughput: one word of operands a cycle.

    Parameters
    ----------
    accumulators: sums, lanes x gates.
    simd: S, products a cycle and accumulator.
    operand_width, weight_width, acc_width: two's complement bits; the accumulator's must never overflow.

    Members
    -------
    en: all registers advance, or none does.
    operand: S operands; weight: S weights for each accumulator, accumulator 0 first.
    valid: operands and weights count; first: they start a sum.
    acc: the sums.
    """

    def __init__(self, *, accumulators: int, simd: int, operand_width: int, weight_width: int, acc_width: int) -> None:
        for name, value in (("accumulators", accumulators), ("simd", simd), ("operand_width", operand_width)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, not {value!r}")
        self.accumulators = accumulators
        self.simd = simd
        self.operand_width = operand_width
        self.weight_width = weight_width
        self.acc_width = acc_width
        super().__init__(
            {
                "en": In(1),
                "operand": In(data.ArrayLayout(signed(operand_width), simd)),
                "weight": In(data.ArrayLayout(data.ArrayLayout(signed(weight_width), simd), accumulators)),
                "valid": In(1),
                "first": In(1),
                "acc": Out(data.ArrayLayout(signed(acc_width), accumulators)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        # Operand and product registers hold data only and need no reset: DSP blocks can then absorb them.
        operands = [Signal(signed(self.operand_width), name=f"operand_{s}", reset_less=True) for s in range(self.simd)]
        with m.If(self.en):
            m.d.sync += [reg.eq(self.operand[s]) for s, reg in enumerate(operands)]

        # valid and first accompany the data: operand, product, tree levels
        valid, first = self.valid, self.first
        for stage in range(2 + tree_stages(self.simd)):
            valid_reg = Signal(name=f"valid_{stage}")
            first_reg = Signal(name=f"first_{stage}", reset_less=True)
            with m.If(self.en):
                m.d.sync += [valid_reg.eq(valid), first_reg.eq(first)]
            valid, first = valid_reg, first_reg

        for a in range(self.accumulators):
            terms = []
            for s in range(self.simd):
                weight = Signal(signed(self.weight_width), name=f"weight_{a}_{s}", reset_less=True)
                product = Signal(
                    signed(self.operand_width + self.weight_width),
                    name=f"product_{a}_{s}",
                    reset_less=True,
                    # with S = 1 a product meets no other one
                    attrs=KEEP if self.simd > 1 else None,
                )
                with m.If(self.en):
                    m.d.sync += weight.eq(self.weight[a][s])
                    # product = w * v
                    m.d.sync += product.eq(weight * operands[s])
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
            with m.If(self.en & valid):
                # acc = sum of all products since `first`
                m.d.sync += acc.eq(Mux(first, 0, acc) + terms[0])
            m.d.comb += self.acc[a].eq(acc)
        return m

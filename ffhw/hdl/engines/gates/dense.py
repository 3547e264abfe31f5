"""The engine of a dense layer of gates: all sums at once, and an activation."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ffhw.hdl.datapath.beat import beat_layout, element_shape
from ffhw.hdl.datapath.bit_sum import bit_sum, weighted_bits
from ffhw.hdl.datapath.lookup_table import LookupTable
from ffhw.hdl.engines.dense import rounding_half
from ffhw.hdl.plan.folding import Folding
from ffhw.layers.dense import DenseLayer
from ffhw.numbers.tables import Sigmoid


class DenseGates(wiring.Component):
    """A dense layer: a stream of input vectors in, a stream of output vectors out, a whole vector a beat.

    Latency: 1 cycle, 2 of sigmoid and argmax. Throughput: a step a cycle.

    Members
    -------
    i, o: streams of beats of all elements; for ``argmax`` one class number.
    """

    def __init__(self, layer: DenseLayer) -> None:
        self.layer = layer
        super().__init__(
            {
                "i": In(stream.Signature(beat_layout(element_shape(layer.input), layer.input_size))),
                "o": Out(stream.Signature(beat_layout(element_shape(layer.output), layer.output_size))),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        layer = self.layer
        advance = Signal()
        valid = Signal()
        last = Signal(reset_less=True)
        codes = self.i.payload.data
        elements = [codes[n] for n in range(layer.input_size)]
        sums = [Signal(signed(layer.acc_width), name=f"acc_{n}", reset_less=True) for n in range(layer.units)]
        half = rounding_half(layer)
        m.d.comb += [advance.eq(~self.o.valid | self.o.ready), self.i.ready.eq(advance)]
        with m.If(advance):
            m.d.sync += [valid.eq(self.i.valid), last.eq(self.i.payload.last)]
        for n, acc in enumerate(sums):
            bits = weighted_bits(elements, element_shape(layer.input), layer.weights[n] << layer.shift_x)
            # acc = (W x << shift_x) + bias, and half an output code where it is rounded
            total = bit_sum(m, f"inputs_{n}", bits, int(layer.bias[n]) + half, layer.acc_width)
            with m.If(advance):
                m.d.sync += acc.eq(total)
        if layer.activation in ("linear", "relu"):
            m.d.comb += [self.o.valid.eq(valid), self.o.payload.last.eq(last)]
            self._linear(m, sums)
            return m
        with m.If(advance):
            m.d.sync += [self.o.valid.eq(valid), self.o.payload.last.eq(last)]
        if layer.activation == "argmax":
            self._argmax(m, sums, advance)
        else:
            self._sigmoid(m, sums, advance)
        return m

    def _linear(self, m: Module, sums: list[Signal]) -> None:
        output: Any = self.layer.output
        low = 0 if self.layer.activation == "relu" else output.min
        for n, acc in enumerate(sums):
            code = acc >> self.layer.result_shift
            # output = saturate((acc + half) >> shift); the half is in the bias
            m.d.comb += self.o.payload.data[n].eq(Mux(code > output.max, output.max, Mux(code < low, low, code)))

    def _sigmoid(self, m: Module, sums: list[Signal], advance: Signal) -> None:
        m.submodules.table = table = LookupTable(
            table=Sigmoid(self.layer.output.bits),
            acc_width=self.layer.acc_width,
            shifts=[self.layer.result_shift] * self.layer.units,
        )
        m.d.comb += [table.en.eq(advance), self.o.payload.data.eq(table.code)]
        m.d.comb += [table.acc[n].eq(acc) for n, acc in enumerate(sums)]

    def _argmax(self, m: Module, sums: list[Signal], advance: Signal) -> None:
        """A tree of comparisons, each with the largest sum of one half and its number."""
        found: list[tuple[Any, Any]] = [(acc, n) for n, acc in enumerate(sums)]
        level = 0
        while len(found) > 1:
            winners = []
            for n in range(0, len(found) - 1, 2):
                (a, number_a), (b, number_b) = found[n : n + 2]
                best = Signal(signed(self.layer.acc_width), name=f"best_{level}_{n}")
                number = Signal(range(self.layer.units), name=f"number_{level}_{n}")
                # the first of equals wins
                later = b > a
                m.d.comb += [best.eq(Mux(later, b, a)), number.eq(Mux(later, number_b, number_a))]
                winners.append((best, number))
            found = winners + found[len(winners) * 2 :]
            level += 1
        with m.If(advance):
            m.d.sync += self.o.payload.data[0].eq(found[0][1])


def engine(
    layer: DenseLayer, folding: Folding, after: Folding | None, input_width: int, keep_state: bool, probe: bool
) -> DenseGates:
    """The engine of a layer; it has no state to keep or to probe."""
    return DenseGates(layer)

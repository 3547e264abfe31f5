"""The engine of a dense layer: lanes and an activation."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ffhw.hdl.datapath.beat import beat_layout, element_shape
from ffhw.hdl.datapath.lanes import Lanes
from ffhw.hdl.datapath.lookup_table import LookupTable
from ffhw.hdl.plan.folding import Folding, Schedule, schedule
from ffhw.layers.dense import DenseLayer
from ffhw.numbers.formats import Fixed
from ffhw.numbers.tables import Sigmoid


def engine(
    layer: DenseLayer, folding: Folding, after: Folding | None, input_width: int, keep_state: bool, probe: bool
) -> DenseEngine:
    """The engine of a layer at a folding; it has no state to keep or to probe."""
    return DenseEngine(layer=layer, plan=schedule(layer, folding), input_width=input_width)


def rounding_half(layer: DenseLayer) -> int:
    """Half an output code in accumulator units: added once to the bias, it turns truncation into rounding half up."""
    return (1 << layer.result_shift) >> 1 if layer.activation in ("linear", "relu") else 0


class DenseEngine(wiring.Component):
    """A dense layer: a stream of input vectors in, a stream of output vectors out.

    Throughput: one step every :class:`ffhw.hdl.engines.plans.dense.DensePlan` ``.cycles``. Latency of a unit from its
    last product to the output: 5 cycles, 6 for sigmoid and argmax, and one for each level of the adder tree.

    Parameters
    ----------
    layer: weights, formats and activation.
    plan: the layer's schedule.
    input_width: elements a beat of ``i``; divides S.

    Members
    -------
    i, o: streams of beats; ``o`` has F elements a beat, for ``argmax`` one class number a step.
    """

    def __init__(self, *, layer: DenseLayer, plan: Schedule, input_width: int) -> None:
        self.layer = layer
        self.plan = plan
        self.input_width = input_width
        super().__init__(
            {
                "i": In(stream.Signature(beat_layout(element_shape(layer.input), input_width))),
                "o": Out(stream.Signature(beat_layout(element_shape(layer.output), plan.folding.finishers))),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.lanes = lanes = Lanes(
            layer=self.layer,
            bias=(self.layer.bias + rounding_half(self.layer))[None],
            plan=self.plan,
            input_width=self.input_width,
        )
        wiring.connect(m, wiring.flipped(self.i), lanes.i)
        final_beat = lanes.o.payload.beat == self.plan.step_beats - 1
        if self.layer.activation == "argmax":
            self._argmax(m, lanes, final_beat)
        elif self.layer.activation == "sigmoid":
            self._sigmoid(m, lanes, final_beat)
        else:
            self._linear(m, lanes, final_beat)
        return m

    def _linear(self, m: Module, lanes: Lanes, final_beat: Any) -> None:
        output = self.layer.output
        assert isinstance(output, Fixed)
        low = 0 if self.layer.activation == "relu" else output.min
        m.d.comb += [
            self.o.valid.eq(lanes.o.valid),
            lanes.o.ready.eq(self.o.ready),
            self.o.payload.last.eq(lanes.o.payload.last & final_beat),
        ]
        for n in range(self.plan.folding.finishers):
            code = lanes.o.payload.sum[n][0] >> self.layer.result_shift
            # output = saturate((acc + half) >> shift); the half is in the bias
            m.d.comb += self.o.payload.data[n].eq(Mux(code > output.max, output.max, Mux(code < low, low, code)))

    def _sigmoid(self, m: Module, lanes: Lanes, final_beat: Any) -> None:
        width = self.plan.folding.finishers
        m.submodules.table = table = LookupTable(
            table=Sigmoid(self.layer.output.bits),
            acc_width=self.layer.acc_width,
            shifts=[self.layer.result_shift] * width,
        )
        advance = ~self.o.valid | self.o.ready
        m.d.comb += [lanes.o.ready.eq(advance), table.en.eq(advance), self.o.payload.data.eq(table.code)]
        m.d.comb += [table.acc[n].eq(lanes.o.payload.sum[n][0]) for n in range(width)]
        with m.If(advance):
            m.d.sync += [self.o.valid.eq(lanes.o.valid), self.o.payload.last.eq(lanes.o.payload.last & final_beat)]

    def _argmax(self, m: Module, lanes: Lanes, final_beat: Any) -> None:
        best = Signal(signed(self.layer.acc_width), reset_less=True)
        candidate, number = lanes.o.payload.sum[0][0], lanes.o.payload.beat
        advance = ~self.o.valid | self.o.ready
        m.d.comb += lanes.o.ready.eq(advance)
        with m.If(advance):
            m.d.sync += [
                self.o.valid.eq(lanes.o.valid & final_beat),
                self.o.payload.last.eq(lanes.o.payload.last),
            ]
            # the first of equals wins: a later candidate must be greater
            with m.If(lanes.o.valid & ((number == 0) | (candidate > best))):
                m.d.sync += [best.eq(candidate), self.o.payload.data[0].eq(number)]

"""The engine of a bidirectional layer: an engine for each direction, and room for what one knows before the other."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from ffhw.hdl.datapath.beat import beat_layout, element_shape
from ffhw.hdl.datapath.merge import Elementwise, SideBySide
from ffhw.hdl.datapath.reversal import Reversal
from ffhw.hdl.engines.plans.bidirectional import BidirectionalPlan
from ffhw.hdl.plan.folding import Folding
from ffhw.layers import rule
from ffhw.layers.bidirectional import BidirectionalLayer


def engine(
    layer: BidirectionalLayer, folding: Folding, after: Folding | None, input_width: int, keep_state: bool, probe: bool
) -> BidirectionalEngine:
    """The engine of a layer at a folding; its states are never kept."""
    return BidirectionalEngine(layer=layer, folding=folding, input_width=input_width, probe=probe)


class BidirectionalEngine(wiring.Component):
    """A bidirectional layer: a stream of input vectors in, a stream of merged vectors out.

        i --+-------------> ahead -----------------> waiting --+--> merge --> o
            +-> reversal --> back --> reversal (each step) ----+

    Nothing is known of a sequence backwards until its end is there: latency is the sequence's, plus that of its
    reversal through the backward engine. Throughput: one step every ``cycles`` of
    :class:`ffhw.hdl.engines.plans.bidirectional.BidirectionalPlan`, for the next sequence is stored meanwhile.

    Parameters
    ----------
    layer: both layers, how they merge, and the longest sequence. folding: of either engine; F divides N.
    input_width: elements a beat of ``i``; divides S.
    probe: show the signals of both layers as they are finished.

    Members
    -------
    i, o: streams of beats; ``o`` has F elements a beat.
    probe_ahead, probe_back (``probe``): as ``probe`` of :class:`ffhw.hdl.engines.recurrent.RecurrentEngine`.
    """

    def __init__(self, *, layer: BidirectionalLayer, folding: Folding, input_width: int, probe: bool = False) -> None:
        self.layer = layer
        self.folding = folding
        self.input_width = input_width
        self.parts = {
            name: rule("ffhw.hdl.engines", "hardware", part).engine(part, folding, None, input_width, False, probe)
            for name, part in layer.directions.items()
        }
        probes = {f"probe_{n}": part.signature.members["probe"] for n, part in self.parts.items() if probe}
        super().__init__(
            {
                "i": In(stream.Signature(beat_layout(element_shape(layer.input), input_width))),
                "o": Out(stream.Signature(beat_layout(element_shape(layer.output), folding.finishers))),
                **probes,
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        layer, width = self.layer, self.folding.finishers
        ahead, back = self.parts["ahead"], self.parts["back"]
        m.submodules.ahead = ahead
        m.submodules.back = back
        m.submodules.turn_in = turn_in = Reversal(
            shape=element_shape(layer.input),
            width=self.input_width,
            beats=-(-layer.input_size // self.input_width),
            steps=layer.steps,
        )
        # a beat goes to both at once
        m.d.comb += [
            ahead.i.payload.eq(self.i.payload),
            turn_in.i.payload.eq(self.i.payload),
            ahead.i.valid.eq(self.i.valid & turn_in.i.ready),
            turn_in.i.valid.eq(self.i.valid & ahead.i.ready),
            self.i.ready.eq(ahead.i.ready & turn_in.i.ready),
        ]
        wiring.connect(m, turn_in.o, back.i)

        beats = layer.units // width
        late = back.o
        if layer.merge == "concat" and not layer.return_sequences:
            # so that the backward engine need not wait for its turn
            m.submodules.late = behind = fifo.SyncFIFOBuffered(width=len(late.payload.as_value()), depth=2 * beats)
            m.d.comb += [
                behind.w_data.eq(late.payload.as_value()),
                behind.w_en.eq(late.valid),
                late.ready.eq(behind.w_rdy),
            ]
            late = stream.Signature(late.payload.shape()).create()
            m.d.comb += [
                late.payload.as_value().eq(behind.r_data),
                late.valid.eq(behind.r_rdy),
                behind.r_en.eq(late.ready),
            ]
        if layer.return_sequences:
            m.submodules.turn_out = turn_out = Reversal(
                shape=element_shape(layer.ahead.state), width=width, beats=beats, steps=layer.steps
            )
            wiring.connect(m, back.o, turn_out.i)
            late = turn_out.o

        # what one direction knows waits for the other; nobody reads its `last`
        depth = BidirectionalPlan(layer, self.folding).waiting_beats
        m.submodules.waiting = waiting = fifo.SyncFIFOBuffered(width=len(ahead.o.payload.data.as_value()), depth=depth)
        m.d.comb += [
            waiting.w_data.eq(ahead.o.payload.data.as_value()),
            waiting.w_en.eq(ahead.o.valid & waiting.w_rdy),
            ahead.o.ready.eq(waiting.w_rdy),
        ]
        state = layer.ahead.state
        merge: Any
        if layer.merge == "concat":
            merge = SideBySide(shape=element_shape(state), width=width, beats=beats)
        else:
            merge = Elementwise(merge=layer.merge, state=state, output=layer.output, width=width)
        m.submodules.merge = merge
        m.d.comb += [
            merge.ahead.valid.eq(waiting.r_rdy),
            merge.ahead.payload.data.as_value().eq(waiting.r_data),
            waiting.r_en.eq(merge.ahead.ready & waiting.r_rdy),
        ]
        wiring.connect(m, late, merge.back)
        wiring.connect(m, merge.o, wiring.flipped(self.o))
        for name, part in self.parts.items():
            if f"probe_{name}" in self.signature.members:
                wiring.connect(m, part.probe, wiring.flipped(getattr(self, f"probe_{name}")))
        return m

"""The embedding engine: a row of a table for each token."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ffhw.hdl.datapath.beat import beat_layout, element_shape
from ffhw.hdl.datapath.rom import Rom, padded
from ffhw.hdl.plan.folding import Folding
from ffhw.layers.embedding import EmbeddingLayer


def engine(
    layer: EmbeddingLayer, folding: None, after: Folding | None, input_width: int, keep_state: bool, probe: bool
) -> Embedding:
    """The engine of a layer: a beat gives what the next engine takes at once."""
    return Embedding(layer=layer, width=after.simd if after else 1)


class Embedding(wiring.Component):
    """An embedding layer: a stream of tokens in, a stream of vectors out.

    Latency: 2 cycles from a token to its row's first beat. Throughput: one beat a cycle, ``ceil(D / width)`` a token.

    Parameters
    ----------
    layer: the table.
    width: elements a beat of ``o``.

    Members
    -------
    i: stream of tokens, one a beat; numbers of no row stand for the last row. o: stream of vectors.
    """

    def __init__(self, *, layer: EmbeddingLayer, width: int) -> None:
        self.layer = layer
        self.width = width
        super().__init__(
            {
                "i": In(stream.Signature(beat_layout(element_shape(layer.input), 1))),
                "o": Out(stream.Signature(beat_layout(element_shape(layer.output), width))),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        table, bits = self.layer.table, self.layer.output.bits
        rows, size = table.shape
        beats = -(-size // self.width)
        fields = padded(table, beats * self.width).reshape(rows * beats, self.width)
        m.submodules.table = read = Rom(fields=fields, bits=bits, trained=True)

        # one token is held while its row is read; the next one is taken with the row's last word
        held = Signal()
        last = Signal()
        beat = Signal(range(beats))
        address = Signal(range(rows * beats))
        advance = Signal()
        finishing = Signal()
        m.d.comb += [
            advance.eq(~self.o.valid | self.o.ready),
            finishing.eq(held & advance & (beat == beats - 1)),
            self.i.ready.eq(~held | finishing),
            read.addr.eq(address),
            read.en.eq(advance),
            self.o.payload.data.as_value().eq(read.data),
        ]
        with m.If(advance):
            m.d.sync += [self.o.valid.eq(held), self.o.payload.last.eq(last & (beat == beats - 1))]
        with m.If(self.i.ready):
            m.d.sync += held.eq(self.i.valid)
        with m.If(self.i.valid & self.i.ready):
            # address of a row = min(token, V - 1) * ceil(D / width)
            row = Mux(self.i.payload.data[0] < rows, self.i.payload.data[0], rows - 1)
            m.d.sync += [address.eq(row * beats), last.eq(self.i.payload.last), beat.eq(0)]
        with m.Elif(held & advance):
            m.d.sync += [address.eq(address + 1), beat.eq(Mux(beat == beats - 1, 0, beat + 1))]
        return m

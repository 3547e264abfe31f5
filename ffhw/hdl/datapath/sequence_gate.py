"""Counting the sequences that enter a design, and keeping one out until the states sent before it have come in."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out


class SequenceGate(wiring.Component):
    """A stream that passes, but for the first beats of sequences while the gate is shut.

    Latency: none. Throughput: one beat a cycle.

    Parameters
    ----------
    layout: payload of the stream. count_bits: width of sequence numbers.

    Members
    -------
    i, o: the stream. begins: the beat at ``i`` is a sequence's first. shut: no sequence may enter.
    number: of the sequence that enters next.
    """

    def __init__(self, *, layout: data.StructLayout, count_bits: int) -> None:
        signature = stream.Signature(layout)
        super().__init__(
            {
                "i": In(signature),
                "begins": In(1),
                "shut": In(1),
                "o": Out(signature),
                "number": Out(count_bits),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        passes = ~(self.begins & self.shut)
        m.d.comb += [
            self.o.payload.eq(self.i.payload),
            self.o.valid.eq(self.i.valid & passes),
            self.i.ready.eq(self.o.ready & passes),
        ]
        with m.If(self.begins & self.i.valid & self.i.ready):
            m.d.sync += self.number.eq(self.number + 1)
        return m

"""Where the outside world sends beats: whole vectors come out, whatever comes in."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Shape, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ffhw.hdl.datapath.beat import beat_layout


class VectorFramer(wiring.Component):
    """Brings a stream back to vectors of ``beats`` beats at each ``last``, so that a bad sequence harms no other.

    A ``last`` that comes inside a vector completes it: the elements of the beats that are missing are zero, and the
    vector is its sequence's final one. With ``single`` a sequence is one vector, and beats between its end and the next
    ``last`` are dropped.

    Latency: none, a well-formed stream passes as if there were wires. Throughput: one beat a cycle; completing a vector
    takes a cycle for each beat that is missing.

    Parameters
    ----------
    shape, width: elements, and how many a beat has. beats: beats a vector.
    single: a sequence is one vector.

    Members
    -------
    i: stream of beats. o: stream of beats in which ``last`` stands on final beats of vectors only.
    begins: the beat at ``o``, if there is one, is a sequence's first.
    offered: the beat at ``i`` is a sequence's first, perhaps still behind the completion of the one before.
    """

    def __init__(self, *, shape: Shape, width: int, beats: int, single: bool = False) -> None:
        if beats < 1:
            raise ValueError(f"a vector takes at least 1 beat, not {beats!r}")
        self.beats = beats
        self.single = single
        signature = stream.Signature(beat_layout(shape, width))
        super().__init__({"i": In(signature), "o": Out(signature), "begins": Out(1), "offered": Out(1)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        beat = Signal(range(self.beats))
        between = Signal(init=1)  # the sequence before is complete
        padding = Signal()  # the vector was cut: beats of zeros follow
        dropping = Signal()  # the vector was not ended: what follows belongs to none
        final = Signal()
        ends = Signal()
        do_give = Signal()
        elements = self.i.payload.data.as_value()
        m.d.comb += [
            final.eq(beat == self.beats - 1),
            ends.eq(self.i.payload.last | padding),
            self.o.valid.eq((self.i.valid & ~dropping) | padding),
            self.o.payload.data.as_value().eq(elements & ~padding.replicate(len(elements))),
            self.o.payload.last.eq(final & (1 if self.single else ends)),
            self.i.ready.eq((self.o.ready & ~padding) | dropping),
            self.begins.eq(between),
            self.offered.eq(self.i.valid & (between | padding) & ~dropping),
            do_give.eq(self.o.valid & self.o.ready),
        ]
        with m.If(do_give):
            m.d.sync += [
                beat.eq(Mux(final, 0, beat + 1)),
                between.eq(self.o.payload.last),
                padding.eq(ends & ~final),
            ]
        if self.single:
            with m.If(do_give & final & ~ends):
                m.d.sync += dropping.eq(1)
            with m.If(dropping & self.i.valid & self.i.payload.last):
                m.d.sync += dropping.eq(0)
        return m

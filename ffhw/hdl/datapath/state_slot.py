"""A state on its way from the outside world to an engine: kept until its sequence gets there."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Shape, Signal, unsigned
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from ffhw.hdl.datapath.beat import beat_layout
from ffhw.hdl.datapath.vector_framer import VectorFramer

# Between an engine with a state and the slot of that state: `quiet`, the engine is between two sequences and at rest;
# `hold`, it must not begin the next one; `entered`, it begins one.
LOADING = wiring.Signature({"quiet": Out(1), "hold": In(1), "entered": Out(1)})


class StateSlot(wiring.Component):
    """Room for one state vector, and the number of the sequence that it belongs to.

    Sequences are counted where they enter the design and where they enter the engine. A vector takes its number as its
    first beat is accepted: that of the sequence that enters the design next. It goes to the engine once all sequences
    before that one are worked off there, and until it is there the engine does not begin its sequence.

    A vector whose sequence has not entered the design yet is replaced by a later one. Else the later one waits, and
    never for anything that is still to be sent: the sequences before that of the waiting vector are complete.

    Latency: ``beats`` cycles to come in; then, in an engine at rest, ``beats + 2`` cycles until the engine may begin. A
    state that comes while the engine is busy costs the second part only.

    Parameters
    ----------
    shape, width: elements, and how many a beat has. beats: beats a vector.
    count_bits: width of sequence numbers.

    Members
    -------
    i: stream of beats from outside, each ``last`` the end of a vector; see :class:`VectorFramer` for bad ones.
    number: of the sequence that enters the design next.
    offered: a vector is offered that is not begun yet; no sequence may enter the design.
    full: as many sequences as can be counted are between the design's input and the engine; none may enter the design.
    o: stream to the engine; begins once the engine is quiet and does not pause. loading: see :data:`LOADING`.
    """

    def __init__(self, *, shape: Shape, width: int, beats: int, count_bits: int) -> None:
        self.shape = shape
        self.width = width
        self.beats = beats
        signature = stream.Signature(beat_layout(shape, width))
        super().__init__(
            {
                "i": In(signature),
                "number": In(count_bits),
                "offered": Out(1),
                "full": Out(1),
                "o": Out(signature),
                "loading": In(LOADING),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.framer = framer = VectorFramer(shape=self.shape, width=self.width, beats=self.beats, single=True)
        wiring.connect(m, wiring.flipped(self.i), framer.i)
        beat_bits = len(framer.o.payload.data.as_value())
        m.submodules.storage = storage = memory.Memory(shape=unsigned(beat_bits), depth=self.beats, init=[])
        write = storage.write_port()
        read = storage.read_port()

        at_engine = Signal.like(self.number)  # number of the sequence that the engine begins next
        tag = Signal.like(self.number)
        busy = Signal()  # a vector, or the beginning of one, is here
        whole = Signal()
        giving = Signal()
        take_beat = Signal(range(self.beats))
        give_beat = Signal(range(self.beats))
        replaceable = Signal()
        due = Signal()
        do_take = Signal()
        do_give = Signal()
        m.d.comb += [
            replaceable.eq(whole & ~giving & (tag == self.number)),
            due.eq(busy & (tag == at_engine)),
            framer.o.ready.eq(Mux(framer.begins, ~busy | replaceable, 1)),
            self.offered.eq(framer.offered),
            # number - at_engine = 2^count_bits - 1: one more would look like none
            self.full.eq((self.number + 1)[: len(self.number)] == at_engine),
            self.loading.hold.eq(due),
            do_take.eq(framer.o.valid & framer.o.ready),
            write.addr.eq(take_beat),
            write.data.eq(framer.o.payload.data.as_value()),
            write.en.eq(do_take),
            do_give.eq(self.o.valid & self.o.ready),
            read.addr.eq(Mux(do_give, give_beat + 1, give_beat)),
            self.o.valid.eq(giving),
            self.o.payload.data.as_value().eq(read.data),
            self.o.payload.last.eq(give_beat == self.beats - 1),
        ]
        with m.If(self.loading.entered):
            m.d.sync += at_engine.eq(at_engine + 1)
        with m.If(do_take):
            m.d.sync += [take_beat.eq(Mux(framer.o.payload.last, 0, take_beat + 1)), whole.eq(framer.o.payload.last)]
            with m.If(framer.begins):
                m.d.sync += [busy.eq(1), tag.eq(self.number)]
        with m.Elif(whole & due & self.loading.quiet):
            # one cycle passes between a beat's arrival and this one, and another one before it is read
            m.d.sync += giving.eq(1)
        with m.If(do_give):
            m.d.sync += give_beat.eq(Mux(self.o.payload.last, 0, give_beat + 1))
            with m.If(self.o.payload.last):
                m.d.sync += [giving.eq(0), busy.eq(0), whole.eq(0)]
        return m

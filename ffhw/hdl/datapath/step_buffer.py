"""A double-buffered vector: one bank is filled with the next time step while the other is read."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Shape, Signal, unsigned
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from ffhw.hdl.datapath.beat import beat_layout


class StepBuffer(wiring.Component):
    """Takes vectors beat by beat, gives them word by word, any number of times.

    A word may be read from the cycle after its last element was accepted, while the rest of the vector is arriving.
    Throughput: one beat in and one word out a cycle. Latency: a beat accepted in cycle t is readable from t + 1 on;
    ``r_data`` follows ``r_word`` by one cycle.

    Parameters
    ----------
    elements: length D of a vector.
    shape: shape of an element.
    write_width: elements a beat; divides ``read_width``.
    read_width: elements a word.

    Members
    -------
    i: stream of beats; ready while a bank is free.
    r_word: number of the word to read; r_en: read it, else ``r_data`` keeps its value.
    ready: whether word ``r_word`` of the oldest vector has arrived.
    last: the oldest vector's ``last``, once all of it has arrived.
    release: the oldest vector is done with; its bank becomes free.
    flush: forget everything; no beat may arrive in the same cycle.
    r_data: the word read, element 0 in the least significant bits.

    Raises
    ------
    ValueError: a size below 1, or widths of which one does not divide the other.
    """

    def __init__(self, *, elements: int, shape: Shape, write_width: int, read_width: int) -> None:
        if elements < 1 or write_width < 1 or read_width < 1:
            raise ValueError(f"sizes must be at least 1, not {elements!r}, {write_width!r} and {read_width!r}")
        if read_width % write_width:
            raise ValueError(f"write width must divide the read width {read_width!r}, not {write_width!r}")
        self.elements = elements
        self.shape = shape
        self.write_width = write_width
        self.read_width = read_width
        super().__init__(
            {
                "i": In(stream.Signature(beat_layout(shape, write_width))),
                "r_word": In(range(self.words)),
                "r_en": In(1),
                "r_data": Out(shape.width * read_width),
                "ready": Out(1),
                "last": Out(1),
                "release": In(1),
                "flush": In(1),
            }
        )

    @property
    def words(self) -> int:
        """Words of a vector."""
        return -(-self.elements // self.read_width)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        parts = self.read_width // self.write_width
        beats = -(-self.elements // self.write_width)
        bank_stride = 1 << (self.words - 1).bit_length()

        m.submodules.storage = storage = memory.Memory(
            shape=unsigned(self.shape.width * self.read_width), depth=bank_stride + self.words, init=[]
        )
        write = storage.write_port(granularity=self.shape.width * self.write_width)
        read = storage.read_port()

        w_bank = Signal()
        r_bank = Signal()
        w_word = Signal(range(self.words))
        w_part = Signal(range(parts))
        w_beat = Signal(range(beats))
        filled = Signal(range(3))  # whole vectors held
        last = Signal(2)  # of each bank

        do_write = Signal()
        do_finish = Signal()
        m.d.comb += [
            self.i.ready.eq(filled != 2),
            do_write.eq(self.i.valid & self.i.ready),
            do_finish.eq(do_write & (w_beat == beats - 1)),
            # a word's address is its number, in the bank that the top bit names
            write.addr.eq(Cat(w_word, w_bank) if self.words > 1 else w_bank),
            write.en.eq(Mux(do_write, 1 << w_part, 0)),
            write.data.eq(self.i.payload.data.as_value().replicate(parts)),
            read.addr.eq(Cat(self.r_word, r_bank) if self.words > 1 else r_bank),
            read.en.eq(self.r_en),
            self.r_data.eq(read.data),
            # while the oldest vector is still arriving, words before the one being written are complete
            self.ready.eq((filled != 0) | (w_word > self.r_word)),
            self.last.eq(last.bit_select(r_bank, 1)),
        ]
        with m.If(do_finish):
            m.d.sync += [w_beat.eq(0), w_word.eq(0), w_part.eq(0), w_bank.eq(~w_bank)]
            m.d.sync += last.bit_select(w_bank, 1).eq(self.i.payload.last)
        with m.Elif(do_write):
            m.d.sync += w_beat.eq(w_beat + 1)
            with m.If(w_part == parts - 1):
                m.d.sync += [w_part.eq(0), w_word.eq(w_word + 1)]
            with m.Else():
                m.d.sync += w_part.eq(w_part + 1)
        m.d.sync += filled.eq(filled + do_finish - self.release)
        with m.If(self.release):
            m.d.sync += r_bank.eq(~r_bank)
        with m.If(self.flush):
            m.d.sync += [filled.eq(0), w_bank.eq(0), r_bank.eq(0), w_beat.eq(0), w_word.eq(0), w_part.eq(0)]
        return m

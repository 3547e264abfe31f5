"""A stream of sequences, each with its steps in reverse."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Shape, Signal, unsigned
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from ffhw.hdl.datapath.beat import beat_layout


class Reversal(wiring.Component):
    """Stores a sequence, then gives its vectors from the last to the first; the next one is stored meanwhile.

    Latency: 2 cycles from a sequence's last beat to the first beat given. Throughput: a beat in and one out each cycle.

    Parameters
    ----------
    shape, width: elements, and how many a beat has. beats: beats a vector.
    steps: vectors of the longest sequence; of a longer one none may be sent.

    Members
    -------
    i, o: streams of beats, whole vectors.
    """

    def __init__(self, *, shape: Shape, width: int, beats: int, steps: int) -> None:
        self.beats = beats
        self.steps = steps
        self.beat_bits = shape.width * width
        signature = stream.Signature(beat_layout(shape, width))
        super().__init__({"i": In(signature), "o": Out(signature)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        words = self.steps * self.beats
        bank_stride = 1 << (words - 1).bit_length()
        m.submodules.storage = storage = memory.Memory(
            shape=unsigned(self.beat_bits), depth=bank_stride + words, init=[]
        )
        write = storage.write_port()
        read = storage.read_port()

        w_bank = Signal()
        w_word = Signal(range(words))
        w_beat = Signal(range(self.beats))
        full = Signal(2)  # whether each bank holds a whole sequence
        ends = [Signal(range(words + 1), name=f"ends_{bank}") for bank in range(2)]
        r_bank = Signal()
        r_beat = Signal(range(self.beats))
        back = Signal(range(words + 1), init=self.beats)  # words from the one to read to the sequence's end

        do_write = Signal()
        stored = Signal()
        m.d.comb += [
            self.i.ready.eq(~full.bit_select(w_bank, 1)),
            do_write.eq(self.i.valid & self.i.ready),
            stored.eq(do_write & self.i.payload.last & (w_beat == self.beats - 1)),
            # a word's address is its number, in the bank that the top bit names
            write.addr.eq(Cat(w_word, w_bank) if words > 1 else w_bank),
            write.data.eq(self.i.payload.data.as_value()),
            write.en.eq(do_write),
        ]
        with m.If(do_write):
            m.d.sync += [w_word.eq(w_word + 1), w_beat.eq(Mux(w_beat == self.beats - 1, 0, w_beat + 1))]
        with m.If(stored):
            m.d.sync += [w_word.eq(0), w_bank.eq(~w_bank)]

        advance = Signal()
        reading = Signal()
        final = Signal()
        end = Mux(r_bank, ends[1], ends[0])
        word = Signal(range(words))
        m.d.comb += [
            advance.eq(~self.o.valid | self.o.ready),
            reading.eq(full.bit_select(r_bank, 1)),
            # word = end - back: beats of a vector in order, vectors from the last to the first
            word.eq(end - back),
            read.addr.eq(Cat(word, r_bank) if words > 1 else r_bank),
            read.en.eq(advance),
            # the first vector of the sequence is the last one given
            final.eq((r_beat == self.beats - 1) & (word == self.beats - 1)),
            self.o.payload.data.as_value().eq(read.data),
        ]
        with m.If(advance):
            m.d.sync += [self.o.valid.eq(reading), self.o.payload.last.eq(reading & final)]
        with m.If(advance & reading):
            with m.If(final):
                m.d.sync += [back.eq(self.beats), r_beat.eq(0), r_bank.eq(~r_bank)]
            with m.Elif(r_beat == self.beats - 1):
                m.d.sync += [back.eq(back + 2 * self.beats - 1), r_beat.eq(0)]
            with m.Else():
                m.d.sync += [back.eq(back - 1), r_beat.eq(r_beat + 1)]
        for bank in range(2):
            fills = stored & (w_bank == bank)
            empties = advance & reading & final & (r_bank == bank)
            with m.If(fills):
                m.d.sync += [full[bank].eq(1), ends[bank].eq(w_word + 1)]
            with m.Elif(empties):
                m.d.sync += full[bank].eq(0)
        return m

"""A sliding window over the steps of a sequence: the last K vectors, as one long vector, at every step or some."""

from __future__ import annotations

from typing import Any

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, unsigned
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from ffhw.hdl.datapath.beat import beat_layout
from ffhw.layers.base import Ints
from ffhw.layers.rhythm import Rhythm


class StepWindow(wiring.Component):
    """Takes vectors of D elements, gives the last K of them as a vector of K * D elements, oldest first.

    The steps that a rhythm names have a window each; before a sequence's first step stands ``before``. A window's old
    vectors are given as soon as the window before is, its newest one word by word while it arrives. Its final word
    waits until it is known whether another window follows in the sequence: for the ``stride - 1`` steps behind it, or
    for ``last``.

    Latency: 2 cycles from a beat that completes a word to that word. Throughput: one beat in and one word out a cycle,
    ``K * D / read_width`` words a window.

    Parameters
    ----------
    elements: D; shape: of an element. write_width: elements a beat, divides ``read_width``, which divides D.
    taps: K. rhythm: which steps have a window, the first one at step 0 or K - 1; sequences have at least one.
    before: codes that stand before a sequence, ``[D]``.

    Members
    -------
    i: stream of vectors. o: stream of windows.

    Raises
    ------
    ValueError: widths of which one does not divide the other.
    """

    def __init__(
        self,
        *,
        elements: int,
        shape: Shape,
        write_width: int,
        read_width: int,
        taps: int,
        rhythm: Rhythm,
        before: Ints,
    ) -> None:
        if elements % read_width or read_width % write_width:
            raise ValueError(f"{write_width!r} must divide {read_width!r}, and that {elements!r}")
        self.elements = elements
        self.shape = shape
        self.write_width = write_width
        self.read_width = read_width
        self.taps = taps
        self.rhythm = rhythm
        self.before = before
        super().__init__(
            {
                "i": In(stream.Signature(beat_layout(shape, write_width))),
                "o": Out(stream.Signature(beat_layout(shape, read_width))),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        taps, lead, stride = self.taps, self.rhythm.lead, self.rhythm.stride
        words, parts = self.elements // self.read_width, self.read_width // self.write_width
        slide = min(stride, taps)  # vectors by which windows differ, of those that any window sees
        # a window, what shows whether it is its sequence's last, and the vector that arrives
        slots = 1 << (taps + slide - 1).bit_length()
        unseen = taps - 1 - lead  # vectors of a sequence's first window that stand before it

        m.submodules.storage = storage = memory.Memory(
            shape=unsigned(self.shape.width * self.read_width),
            depth=(slots - 1) * (1 << (words - 1).bit_length()) + words,
            init=[],
        )
        write = storage.write_port(granularity=self.shape.width * self.write_width)
        read = storage.read_port()
        low = slots.bit_length() - 1  # a place is the number of a slot and a bit that tells full from empty

        # --- what arrives ---------------------------------------------------------------------------------------------
        place = Signal(low + 1)  # of the vector that arrives
        kept = Signal(low + 1)  # behind the last one that has a window
        w_word = Signal(range(words))
        w_part = Signal(range(parts))
        due = Signal(range(max(lead, stride - 1) + 1), init=lead)  # steps until one that has a window
        begun = Signal()  # the sequence had such a step
        ends = Signal(slots)  # of the vector in each slot, if it has a window: whether that is its sequence's last
        known = Signal(range(slots + 1))  # windows not given yet of which this is known

        front = Signal(low + 1)  # place of the oldest vector of the window that is given
        stored = Signal()
        do_write = Signal()
        arrived = Signal()
        has_window = Signal()
        do_know = Signal()
        last = self.i.payload.last
        m.d.comb += [
            # as many vectors as there are slots, from the oldest that is still needed
            self.i.ready.eq((place - front)[: low + 1] != slots),
            do_write.eq(self.i.valid & self.i.ready),
            arrived.eq(do_write & (w_word == words - 1) & (w_part == parts - 1)),
            has_window.eq(due == 0),
            stored.eq(due < taps),
            do_know.eq(arrived & (last | (has_window if stride == 1 else begun & (due == 1)))),
            write.addr.eq(Cat(w_word, place[:low]) if words > 1 else place[:low]),
            write.en.eq(Mux(do_write & stored, 1 << w_part, 0)),
            write.data.eq(self.i.payload.data.as_value().replicate(parts)),
        ]
        with m.If(do_write):
            m.d.sync += w_part.eq(Mux(w_part == parts - 1, 0, w_part + 1))
            with m.If(w_part == parts - 1):
                m.d.sync += w_word.eq(Mux(w_word == words - 1, 0, w_word + 1))
        with m.If(arrived):
            with m.If(last):
                # vectors behind the last one that has a window are forgotten
                m.d.sync += [place.eq(Mux(has_window, place + 1, kept)), due.eq(lead), begun.eq(0)]
            with m.Else():
                m.d.sync += [place.eq(place + stored), due.eq(Mux(has_window, stride - 1, due - 1))]
                with m.If(has_window):
                    m.d.sync += [kept.eq(place + 1), begun.eq(1)]
        with m.If(do_know):
            m.d.sync += ends.bit_select(Mux(has_window, place, kept - 1)[:low], 1).eq(last)

        # --- what is given --------------------------------------------------------------------------------------------
        position = Signal(range(taps))
        word = Signal(range(words))
        missing = Signal(range(taps), init=unseen)  # vectors of the window that stand before its sequence
        r_place = Signal(low + 1)
        advance = Signal()
        is_before = Signal()
        word_ends = Signal()
        final = Signal()
        there = Signal()
        do_read = Signal()
        is_last = ends.bit_select(r_place[:low], 1)
        m.d.comb += [
            advance.eq(~self.o.valid | self.o.ready),
            is_before.eq(position < missing),
            word_ends.eq(word == words - 1),
            final.eq(word_ends & (position == taps - 1)),
            # of the vector that is arriving, the words before the one being written are there
            there.eq(is_before | (r_place != place) | (w_word > word)),
            do_read.eq(advance & there & (~final | (known != 0))),
            read.addr.eq(Cat(word, r_place[:low]) if words > 1 else r_place[:low]),
            read.en.eq(advance),
        ]
        m.d.sync += known.eq(known + do_know - (do_read & final))
        with m.If(do_read):
            m.d.sync += word.eq(Mux(word_ends, 0, word + 1))
            with m.If(word_ends):
                m.d.sync += [position.eq(position + 1), r_place.eq(r_place + ~is_before)]
            with m.If(final):
                # the next window: so many vectors on, those before the sequence first; or the next sequence's first
                slid = Mux(missing < slide, slide - missing, 0)
                following = front + Mux(is_last, taps - missing, slid)
                m.d.sync += [
                    position.eq(0),
                    front.eq(following),
                    r_place.eq(following),
                    missing.eq(Mux(is_last, unseen, Mux(missing < slide, 0, missing - slide))),
                ]
        o_before = Signal(reset_less=True)
        o_word = Signal(range(words), reset_less=True)
        with m.If(advance):
            m.d.sync += [self.o.valid.eq(do_read), self.o.payload.last.eq(final & is_last)]
            m.d.sync += [o_before.eq(is_before), o_word.eq(word)]
        m.d.comb += self.o.payload.data.as_value().eq(Mux(o_before, self._before(o_word), read.data))
        return m

    def _before(self, word: Any) -> Any:
        """A word of the vector that stands before a sequence."""
        bits = self.shape.width
        codes = np.asarray(self.before, np.int64).reshape(-1, self.read_width) & ((1 << bits) - 1)
        values = [sum(int(code) << (n * bits) for n, code in enumerate(row)) for row in codes]
        chosen: Any = Const(0, bits * self.read_width)
        for number, value in enumerate(values):
            chosen = Mux(word == number, value, chosen) if value else chosen
        return chosen

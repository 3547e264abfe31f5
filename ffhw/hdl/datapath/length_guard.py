"""Where sequences enter a design that cannot take any number of steps: every engine behind gets what it can take."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Const, Module, Mux, Shape, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ffhw.hdl.datapath.beat import beat_layout


class LengthGuard(wiring.Component):
    """Cuts sequences that are too long, completes those that are too short with vectors of zeros, and marks both.

    The marks of sequences leave in order, beside their last answers, which come in order as well. One marked sequence
    is under way at a time: the next one that would be marked ends once the answer before it was given.

    Latency: none, a sequence of a sound length passes as if there were wires. Throughput: one beat a cycle; completing
    a sequence takes a cycle for each beat that is missing.

    Parameters
    ----------
    shape, width: elements, and how many a beat has. beats: beats a vector.
    least, most: steps of the shortest and of the longest sequence; ``most`` None where any is short enough.
    under_way: sequences that can have entered and not been answered; more of them wait.

    Members
    -------
    i: stream of beats, ``last`` on final beats of vectors only. o: stream of beats, of sequences of sound lengths.
    answered: the last answer of a sequence is given. marked: the oldest sequence not yet answered was cut or completed.

    Raises
    ------
    ValueError: numbers that no sequence has.
    """

    def __init__(self, *, shape: Shape, width: int, beats: int, least: int, most: int | None, under_way: int) -> None:
        if beats < 1 or least < 1 or under_way < 1 or (most is not None and most < least):
            raise ValueError(f"no sequence of {beats!r} beats a step has {least!r} to {most!r} steps")
        self.beats = beats
        self.least = least
        self.most = most
        self.under_way = under_way
        signature = stream.Signature(beat_layout(shape, width))
        super().__init__({"i": In(signature), "o": Out(signature), "answered": In(1), "marked": Out(1)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        beat = Signal(range(self.beats))
        counted = self.least if self.most is None else self.most
        step = Signal(range(counted))  # steps behind us, of those that matter
        padding = Signal()  # the sequence was too short: vectors of zeros follow
        dropping = Signal()  # it was too long: what follows belongs to none
        inside = Signal(range(self.under_way + 1))  # sequences that were not answered yet
        before = Signal(range(self.under_way + 1))  # of these, those before the marked one
        pending = Signal()  # one of them is marked

        enough = Signal()
        full = Signal()
        final = Signal()
        ends = Signal()
        mark = Signal()
        do_give = Signal()
        waits = Signal()
        elements = self.i.payload.data.as_value()
        at_most = Const(0) if self.most is None else step == self.most - 1
        m.d.comb += [
            final.eq(beat == self.beats - 1),
            enough.eq(step >= self.least - 1),
            full.eq(at_most),
            ends.eq(final & (((self.i.payload.last | padding) & enough) | full)),
            mark.eq(padding | ~self.i.payload.last),
            waits.eq(ends & ((inside == self.under_way) | (mark & pending))),
            self.o.valid.eq(((self.i.valid & ~dropping) | padding) & ~waits),
            self.o.payload.data.as_value().eq(elements & ~padding.replicate(len(elements))),
            self.o.payload.last.eq(ends),
            self.i.ready.eq((self.o.ready & ~padding & ~waits) | dropping),
            do_give.eq(self.o.valid & self.o.ready),
            self.marked.eq(pending & (before == 0)),
        ]
        with m.If(do_give):
            m.d.sync += beat.eq(Mux(final, 0, beat + 1))
            with m.If(final):
                m.d.sync += step.eq(Mux(step == counted - 1, step, step + 1))
                m.d.sync += padding.eq((padding | self.i.payload.last) & ~enough)
            with m.If(ends):
                m.d.sync += [step.eq(0), padding.eq(0), dropping.eq(~self.i.payload.last & ~padding)]
        with m.If(dropping & self.i.valid & self.i.payload.last):
            m.d.sync += dropping.eq(0)

        do_enter = do_give & ends
        m.d.sync += inside.eq(inside + do_enter - self.answered)
        with m.If(do_enter & mark):
            m.d.sync += [pending.eq(1), before.eq(inside - self.answered)]
        with m.Elif(self.answered):
            m.d.sync += [pending.eq(pending & (before != 0)), before.eq(before - (before != 0))]
        return m

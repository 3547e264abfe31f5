"""From frames that wait to beats at the core's ports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ffhw.boards.link.ports import Port
from ffhw.boards.link.protocol import ECHO

SPAN_BITS = 24


class Dispatcher(wiring.Component):
    """Gives the payload of each frame to the port that its flags name, as whole beats.

    A frame holds whole beats; what is left of a part of one at its end is dropped, unless the sequence ends there: then
    the beat goes as it is. The payload for a port that is not there is dropped. All that goes to the core are
    registers. Throughput: a byte a cycle; three cycles a frame besides.

    Parameters
    ----------
    ports: those that the core takes beats at; a frame's port is its place among them.

    Members
    -------
    i: stream of bytes: of each frame its length, its flags and its payload.
    <port>_tdata, _tvalid, _tlast, _tready: of each port. echo_...: of what is sent back.
    taken: the last byte of a frame left in this cycle.
    span: cycles from the first beat of a frame that the core took to the last one, modulo 2^24; of a frame that comes
        when all before it are through.
    """

    def __init__(self, *, ports: Sequence[Port]) -> None:
        self.places = {**dict(enumerate(ports)), ECHO: Port("echo", True, 8, 1)}
        members: dict[str, Any] = {"i": In(stream.Signature(8)), "taken": Out(1), "span": Out(SPAN_BITS)}
        for port in self.places.values():
            members |= {f"{port.name}_tdata": Out(port.bits), f"{port.name}_tvalid": Out(1)}
            members |= {f"{port.name}_tlast": Out(1), f"{port.name}_tready": In(1)}
        super().__init__(members)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        widest = max(port.bytes for port in self.places.values())
        # bytes come in at the upper end: the newest beat of n bytes are the upper n
        beat = Signal(8 * widest)
        last = Signal()
        waiting = Signal(len(self.places))
        ready = Cat(getattr(self, f"{port.name}_tready") for port in self.places.values())
        moved = Signal()
        m.d.comb += moved.eq((waiting & ready).any())
        with m.If(moved):
            m.d.sync += waiting.eq(0)
        for n, port in enumerate(self.places.values()):
            m.d.comb += [
                getattr(self, f"{port.name}_tdata").eq(beat[-port.bits :]),
                getattr(self, f"{port.name}_tvalid").eq(waiting[n]),
                getattr(self, f"{port.name}_tlast").eq(last),
            ]
        running, payload = Signal(), Signal()
        with m.If(moved):
            m.d.sync += running.eq(1)
        with m.If(running & (payload | (waiting.any() & ~moved))):
            m.d.sync += self.span.eq(self.span + 1)
        left, place, ends, filled = Signal(8), Signal(4), Signal(), Signal(range(widest + 1))
        final = left == 1
        with m.FSM():
            with m.State("LENGTH"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += [left.eq(self.i.payload), filled.eq(0)]
                with m.If(self.i.valid):
                    m.next = "FLAGS"
            with m.State("FLAGS"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += [running.eq(0), self.span.eq(0)]
                m.d.sync += Cat(place, ends).eq(Cat(self.i.payload[:4], self.i.payload[7]))
                with m.If(self.i.valid):
                    m.d.comb += self.taken.eq(left == 0)
                    m.next = "PAYLOAD"
                    with m.If(left == 0):
                        m.next = "LENGTH"
            with m.State("PAYLOAD"):
                m.d.comb += [self.i.ready.eq(~waiting.any() | moved), payload.eq(1)]
                with m.If(self.i.valid & self.i.ready):
                    m.d.sync += [beat.eq(Cat(beat[8:], self.i.payload)), left.eq(left - 1), filled.eq(filled + 1)]
                    with m.Switch(place):
                        for n, (number, port) in enumerate(self.places.items()):
                            with m.Case(number):
                                with m.If((filled == port.bytes - 1) | (final & ends)):
                                    m.d.sync += [waiting.eq(1 << n), last.eq(final & ends), filled.eq(0)]
                    with m.If(final):
                        m.d.comb += self.taken.eq(1)
                        m.next = "LENGTH"
        return m

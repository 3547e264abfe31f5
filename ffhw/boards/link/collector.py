"""From beats at the core's ports to payloads that wait to be sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Array, Cat, Module, Mux, Signal, unsigned
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from ffhw.boards.link.ports import Port
from ffhw.boards.link.protocol import ECHO, MOST_PAYLOAD

# A slot holds a payload; while one is sent the other one is filled.
SLOT = 256


class Collector(wiring.Component):
    """Gathers beats of one port into a payload, until it is full, the sequence ends, or nobody has anything to send.

    So that one beat alone goes at once, and many beats together in few frames. Throughput: a beat of n bytes in n + 3
    cycles; what the core waits here is little beside the time that the bytes take on the wire.

    Parameters
    ----------
    ports: those that the core gives beats at; a payload's port is its place among them.

    Members
    -------
    <port>_tdata, _tvalid, _tlast, _tready: of each port, and _tuser where it has one. echo_...: of what is sent back.
    hurry: nothing is being sent: what there is may go.
    full: a payload waits; length, flags: of it. place: of a byte in it; data: that byte, a cycle later.
    sent: it is not needed any more.
    """

    def __init__(self, *, ports: Sequence[Port]) -> None:
        self.places = {**dict(enumerate(ports)), ECHO: Port("echo", False, 8, 1)}
        members: dict[str, Any] = {"hurry": In(1), "full": Out(1), "sent": In(1), "length": Out(8), "flags": Out(8)}
        members |= {"place": In(8), "data": Out(8)}
        for port in self.places.values():
            members |= {f"{port.name}_tdata": In(port.bits), f"{port.name}_tvalid": In(1)}
            members |= {f"{port.name}_tlast": In(1), f"{port.name}_tready": Out(1)}
            if port.marked:
                members[f"{port.name}_tuser"] = In(1)
        super().__init__(members)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        ports = list(self.places.values())
        widest = max(port.bytes for port in ports)
        m.submodules.bytes = content = memory.Memory(shape=unsigned(8), depth=2 * SLOT, init=[])
        write_port, read_port = content.write_port(), content.read_port()

        # which slot is filled, which is sent; what is in each
        filling, sending, waiting = Signal(), Signal(), Signal(2)
        lengths, flags = (Array(Signal(8, name=f"{name}_{n}") for n in range(2)) for name in ("length", "flags"))
        m.d.comb += [
            self.full.eq(waiting.bit_select(sending, 1)),
            self.length.eq(lengths[sending]),
            self.flags.eq(flags[sending]),
            read_port.addr.eq(Cat(self.place, sending)),
            self.data.eq(read_port.data),
        ]
        with m.If(self.sent):
            m.d.sync += [waiting.bit_select(sending, 1).eq(0), sending.eq(~sending)]

        valid = Cat(getattr(self, f"{port.name}_tvalid") for port in ports)
        # the port whose beats are gathered, and whether another one waits
        chosen, ready, others = Signal(range(len(ports))), Signal(len(ports)), Signal()
        here = valid.bit_select(chosen, 1)
        m.d.comb += others.eq((valid & ~(1 << chosen)[: len(ports)]).any())
        for n, port in enumerate(ports):
            m.d.comb += getattr(self, f"{port.name}_tready").eq(ready[n])
        beat, left, last, marked = Signal(8 * widest), Signal(range(widest + 1)), Signal(), Signal()
        end = Signal(8)
        m.d.comb += [write_port.addr.eq(Cat(end, filling)), write_port.data.eq(beat[:8])]
        m.d.sync += ready.eq(0)
        with m.FSM():
            with m.State("CHOOSE"):
                # with an empty slot any port will do, else its own goes on
                with m.If(~waiting.bit_select(filling, 1)):
                    with m.If(here):
                        m.d.sync += ready.eq(1 << chosen)
                        m.next = "TAKE"
                    with m.Elif(end != 0):
                        with m.If(self.hurry | others):
                            m.next = "CLOSE"
                    with m.Else():
                        for n in reversed(range(len(ports))):
                            with m.If(valid[n]):
                                m.d.sync += chosen.eq(n)
            with m.State("TAKE"):
                with m.Switch(chosen):
                    for n, port in enumerate(ports):
                        with m.Case(n):
                            m.d.sync += [
                                beat.eq(getattr(self, f"{port.name}_tdata")),
                                last.eq(getattr(self, f"{port.name}_tlast")),
                                marked.eq(getattr(self, f"{port.name}_tuser") if port.marked else 0),
                                left.eq(port.bytes),
                            ]
                m.next = "WRITE"
            with m.State("WRITE"):
                m.d.comb += write_port.en.eq(1)
                m.d.sync += [beat.eq(beat >> 8), left.eq(left - 1), end.eq(end + 1)]
                with m.If(left == 1):
                    m.next = "CHOOSE"
                    with m.If(last | (end >= MOST_PAYLOAD - widest)):
                        m.next = "CLOSE"
            with m.State("CLOSE"):
                number = Mux(chosen == len(ports) - 1, ECHO, chosen)
                m.d.sync += [
                    lengths[filling].eq(end),
                    flags[filling].eq(Cat(number[:4], Signal(2, name="none"), last & marked, last)),
                    waiting.bit_select(filling, 1).eq(1),
                    filling.eq(~filling),
                    end.eq(0),
                    last.eq(0),
                ]
                m.next = "CHOOSE"
        return m

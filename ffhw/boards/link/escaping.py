"""Bytes between flags, as HDLC has them: what looks like a flag or an escape inside a frame travels escaped."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ffhw.boards.link.protocol import ESCAPE, FLAG, FLIP

# A byte, and whether it is a flag, which is never escaped.
MARKED_BYTE = data.StructLayout({"data": 8, "flag": 1})


class Unescaper(wiring.Component):
    """Bytes of frames. Latency: none. Throughput: a byte a cycle.

    Members
    -------
    i, i_valid: a byte from the wire. o, o_valid: a byte of a frame. end: a flag was met, which ends a frame and begins
    the next.
    """

    def __init__(self) -> None:
        super().__init__({"i": In(8), "i_valid": In(1), "o": Out(8), "o_valid": Out(1), "end": Out(1)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        escaped = Signal()
        is_flag, is_escape = Signal(), Signal()
        m.d.comb += [is_flag.eq(self.i == FLAG), is_escape.eq(self.i == ESCAPE)]
        m.d.comb += [
            self.end.eq(self.i_valid & is_flag),
            self.o_valid.eq(self.i_valid & ~is_flag & ~is_escape),
            self.o.eq(self.i ^ Mux(escaped, FLIP, 0)),
        ]
        with m.If(self.i_valid):
            m.d.sync += escaped.eq(is_escape)
        return m


class Escaper(wiring.Component):
    """Bytes for the wire. Latency: none. Throughput: a byte a cycle, two for one that is escaped.

    Members
    -------
    i: stream of :data:`MARKED_BYTE`. o: stream of bytes.
    """

    def __init__(self) -> None:
        super().__init__({"i": In(stream.Signature(MARKED_BYTE)), "o": Out(stream.Signature(8))})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        byte = self.i.payload.data
        escaped, special = Signal(), Signal()
        m.d.comb += special.eq(~self.i.payload.flag & ((byte == FLAG) | (byte == ESCAPE)))
        announce = special & ~escaped
        m.d.comb += [
            self.o.valid.eq(self.i.valid),
            self.o.payload.eq(Mux(announce, ESCAPE, byte ^ Mux(escaped, FLIP, 0))),
            self.i.ready.eq(self.o.ready & ~announce),
        ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += escaped.eq(announce)
        return m

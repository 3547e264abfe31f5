"""The checksum of frames: CRC-32 of IEEE 802.3, as zlib and Ethernet have it, a bit a cycle."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

POLYNOMIAL = 0xEDB88320  # lowest bit first
ONES = 0xFFFFFFFF
# What is left in the register behind any content that is followed by its own checksum.
RESIDUE = 0xDEBB20E3


class Crc32(wiring.Component):
    """Checksum of bytes. Throughput: a byte in 9 cycles; a serial byte takes 80 at least.

    Members
    -------
    clear: begin anew. valid: take the byte in ``data``, which may be any time but in the eight cycles behind another.
    value: the checksum of what was taken, 8 cycles later. sound: what was taken ends with its own checksum.
    """

    def __init__(self) -> None:
        super().__init__(
            {"clear": In(1), "valid": In(1), "data": In(8), "value": Out(32), "sound": Out(1), "busy": Out(1)}
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        register = Signal(32, init=ONES)
        byte = Signal(8)
        left = Signal(4)
        m.d.comb += [self.value.eq(~register), self.sound.eq(register == RESIDUE), self.busy.eq(left != 0)]
        with m.If(self.clear):
            m.d.sync += [register.eq(ONES), left.eq(0)]
        with m.Elif(self.valid):
            m.d.sync += [byte.eq(self.data), left.eq(8)]
        with m.Elif(left != 0):
            # register = register / x, minus the polynomial if the bit that leaves differs from the one that comes
            m.d.sync += register.eq((register >> 1) ^ Mux(register[0] ^ byte[0], POLYNOMIAL, 0))
            m.d.sync += [byte.eq(byte >> 1), left.eq(left - 1)]
        return m

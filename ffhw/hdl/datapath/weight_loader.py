"""Weights that come over a stream while nothing runs, and what is known of those that are there."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from ffhw.hdl.datapath.beat import beat_layout
from ffhw.hdl.datapath.crc32 import Crc32
from ffhw.hdl.datapath.rom import MemoryFiles, byte_count

# The first byte of a packet: that an image follows. Any other asks for the status only.
LOAD = 1
# What the status says of the weights: those that were built in; a part of others, with which nothing runs; others.
BUILT_IN, PARTIAL, LOADED = 0, 1, 2
# Bytes of a status: the CRC-32 of the image that was loaded, and one of the above.
STATUS_BYTES = 5
# What the loader is at.
_REST, _LOAD, _SUM, _SKIP, _ANSWER = range(5)


class WeightLoader(wiring.Component):
    """Writes the memories of what was trained, byte by byte, and says what was written.

    A packet ends with ``last`` and is answered by one status. An image is all words of all memories in their order,
    each in whole bytes, the lowest first. Neither a reset nor the end of a session undoes what was written.
    Throughput: a byte in 9 cycles. Latency of a status: 11 cycles behind a packet's last byte.

    To be elaborated behind the memories that it writes.

    Members
    -------
    i: stream of bytes. o: stream of statuses.
    idle: no sequence is under way. offered: one begins as soon as ``hold`` allows it.
    hold: none may begin.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "i": In(stream.Signature(beat_layout(unsigned(8), 1))),
                "o": Out(stream.Signature(beat_layout(unsigned(8), STATUS_BYTES))),
                "idle": In(1),
                "offered": In(1),
                "hold": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        assert isinstance(platform, MemoryFiles)
        memories = platform.loaded
        m.submodules.crc = crc = Crc32()
        # what is in the memories outlives a reset, and so does what is known of it
        status = Signal(8, reset_less=True)
        checksum = Signal(32, reset_less=True)
        m.d.comb += [self.o.payload.data.as_value().eq(Cat(checksum, status)), self.o.payload.last.eq(1)]

        # bytes come in at the upper end: the newest word of n bytes are the upper n
        sizes = [byte_count(rom.width) for rom in memories]
        held = Signal(8 * max(sizes))
        memory = Signal(range(len(memories)))
        place = Signal(range(max(sizes)))
        address = Signal(range(max(rom.depth for rom in memories)))
        byte_ends = Signal()
        word_ends = Signal()
        ends = Signal()
        here = [memory == n for n in range(len(memories))]
        lasts = [(size - 1, rom.depth - 1) for rom, size in zip(memories, sizes, strict=True)]
        m.d.comb += [
            byte_ends.eq(Cat(at & (place == last) for at, (last, _) in zip(here, lasts, strict=True)).any()),
            word_ends.eq(
                byte_ends & Cat(at & (address == last) for at, (_, last) in zip(here, lasts, strict=True)).any()
            ),
            ends.eq(word_ends & here[-1]),
        ]
        write = Signal()
        target = Signal(range(len(memories)))
        row = Signal(bits_for(max(rom.depth for rom in memories) - 1))
        m.d.sync += [write.eq(0), target.eq(memory), row.eq(address)]
        for n, (rom, size) in enumerate(zip(memories, sizes, strict=True)):
            m.d.comb += [
                rom.write.eq(write & (target == n)),
                rom.write_addr.eq(row),
                rom.write_data.eq(held[-8 * size :]),
            ]

        data, last = self.i.payload.data[0], self.i.payload.last
        m.d.comb += [self.hold.eq(1), crc.data.eq(data)]
        # an FSM of Amaranth's would become a Verilog function, by a name that not every simulator takes
        step = Signal(range(5))
        with m.If(step == _REST):
            m.d.comb += [self.hold.eq(status == PARTIAL), self.i.ready.eq(self.idle & ~self.offered)]
            m.d.sync += [memory.eq(0), place.eq(0), address.eq(0)]
            with m.If(self.i.valid & self.i.ready):
                m.d.sync += step.eq(Mux(last, _ANSWER, Mux(data == LOAD, _LOAD, _SKIP)))
                with m.If((data == LOAD) & ~last):
                    m.d.comb += crc.clear.eq(1)
                    m.d.sync += [status.eq(PARTIAL), checksum.eq(0)]
        with m.If(step == _LOAD):
            m.d.comb += self.i.ready.eq(~crc.busy)
            with m.If(self.i.valid & self.i.ready):
                m.d.comb += crc.valid.eq(1)
                m.d.sync += [held.eq(Cat(held[8:], data)), write.eq(byte_ends)]
                m.d.sync += place.eq(Mux(byte_ends, 0, place + 1))
                m.d.sync += address.eq(Mux(word_ends, 0, address + byte_ends))
                m.d.sync += memory.eq(memory + word_ends)
                with m.If(last | ends):
                    m.d.sync += step.eq(Mux(~last, _SKIP, Mux(ends, _SUM, _ANSWER)))
        with m.If((step == _SUM) & ~crc.busy):
            m.d.sync += [checksum.eq(crc.value), status.eq(LOADED), step.eq(_ANSWER)]
        with m.If(step == _SKIP):
            m.d.comb += self.i.ready.eq(1)
            with m.If(self.i.valid & last):
                m.d.sync += step.eq(_ANSWER)
        with m.If(step == _ANSWER):
            m.d.comb += self.o.valid.eq(1)
            with m.If(self.o.ready):
                m.d.sync += step.eq(_REST)
        return m

"""Where frames wait: bytes count only once their frame is known to be sound."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Signal, unsigned
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2


class FrameMemory(wiring.Component):
    """A queue of bytes whose newest can be kept or forgotten together. Throughput: a byte in and a byte out each cycle.

    Latency: three cycles from ``keep`` to the first byte at ``o``.

    Parameters
    ----------
    depth: bytes; a power of two.

    Members
    -------
    write: append the byte in ``data``, which is lost if ``full``. keep: what was appended before this cycle counts.
    forget: it does not, and its room is free. o: stream of the bytes that count.
    """

    def __init__(self, *, depth: int) -> None:
        if depth < 2 or depth & (depth - 1):
            raise ValueError(f"depth must be a power of two of at least 2, not {depth!r}")
        self.depth = depth
        super().__init__(
            {
                "write": In(1),
                "data": In(8),
                "full": Out(1),
                "keep": In(1),
                "forget": In(1),
                "o": Out(stream.Signature(8)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.bytes = content = memory.Memory(shape=unsigned(8), depth=self.depth, init=[])
        write_port, read_port = content.write_port(), content.read_port()
        # positions of the next byte that is written, the first that does not count yet, and the next that is read
        end, kept, begin = (Signal(ceil_log2(self.depth), name=name) for name in ("end", "kept", "begin"))
        m.d.comb += [
            self.full.eq((end + 1)[: len(end)] == begin),
            write_port.addr.eq(end),
            write_port.data.eq(self.data),
            write_port.en.eq(self.write & ~self.full),
        ]
        with m.If(write_port.en):
            m.d.sync += end.eq(end + 1)
        with m.If(self.keep):
            m.d.sync += kept.eq(end)
        with m.If(self.forget):
            m.d.sync += end.eq(kept)
        # two stages, the memory's output and a register: whoever takes bytes is far from the address
        read, moves_read, moves_out = Signal(), Signal(), Signal()
        m.d.comb += [
            moves_out.eq(~self.o.valid | self.o.ready),
            moves_read.eq(~read | moves_out),
            read_port.addr.eq(begin),
            read_port.en.eq(moves_read),
        ]
        with m.If(moves_read):
            m.d.sync += read.eq(begin != kept)
            with m.If(begin != kept):
                m.d.sync += begin.eq(begin + 1)
        with m.If(moves_out):
            m.d.sync += [self.o.valid.eq(read), self.o.payload.eq(read_port.data)]
        return m

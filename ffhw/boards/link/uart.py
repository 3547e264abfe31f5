"""Serial bytes, 8N1: a start bit 0, eight bits with the lowest first, a stop bit 1; idle is 1."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

BITS = 10
# Cycles a bit at least: a bit's middle is then found to an eighth of a bit.
LEAST_CYCLES = 8


def _check(cycles: int) -> None:
    if not isinstance(cycles, int) or cycles < LEAST_CYCLES:
        raise ValueError(f"cycles must be an integer of at least {LEAST_CYCLES}, not {cycles!r}")


class UartReceiver(wiring.Component):
    """Bytes from a pin that knows nothing of our clock. A byte without its stop bit is dropped.

    Latency: 2 cycles and half a bit behind the middle of the stop bit's begin. Throughput: a byte in 10 bits.

    Parameters
    ----------
    cycles: of a bit.

    Members
    -------
    rx: the pin. data: a byte; valid: it is new in this cycle. Nobody can make it wait.
    """

    def __init__(self, *, cycles: int) -> None:
        _check(cycles)
        self.cycles = cycles
        super().__init__({"rx": In(1, init=1), "data": Out(8), "valid": Out(1)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        rx = Signal(init=1)
        m.submodules.synchronizer = FFSynchronizer(self.rx, rx, init=1)
        busy, broken = Signal(), Signal()
        timer = Signal(range(self.cycles))
        bit = Signal(range(BITS))
        m.d.sync += self.valid.eq(0)
        with m.If(~busy):
            # a start bit begins: its middle comes half a bit later
            m.d.sync += [busy.eq(~rx), timer.eq(self.cycles // 2 - 1), bit.eq(0)]
        with m.Elif(timer != 0):
            m.d.sync += timer.eq(timer - 1)
        with m.Else():
            m.d.sync += [timer.eq(self.cycles - 1), bit.eq(bit + 1)]
            with m.If((bit == BITS - 1) & rx):
                m.d.sync += [busy.eq(0), self.valid.eq(~broken), broken.eq(0)]
            with m.Elif(bit == BITS - 1):
                # no stop bit: a start bit is not looked for before the line has been at rest
                m.d.sync += [bit.eq(bit), timer.eq(0), broken.eq(1)]
            with m.Elif(bit == 0):
                # no more than a spike
                m.d.sync += busy.eq(~rx)
            with m.Else():
                m.d.sync += self.data.eq(Cat(self.data[1:], rx))
        return m


class UartTransmitter(wiring.Component):
    """Bytes to a pin. Latency: a cycle to the begin of the start bit. Throughput: a byte in 10 bits and a cycle.

    Parameters
    ----------
    cycles: of a bit.

    Members
    -------
    i: stream of bytes. tx: the pin, driven by a register.
    """

    def __init__(self, *, cycles: int) -> None:
        _check(cycles)
        self.cycles = cycles
        super().__init__({"i": In(stream.Signature(8)), "tx": Out(1, init=1)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        timer = Signal(range(self.cycles))
        left = Signal(range(BITS + 1))
        # bits to come; ones follow the last
        shift = Signal(BITS - 1, init=(1 << (BITS - 1)) - 1)
        m.d.comb += self.i.ready.eq(left == 0)
        with m.If(self.i.ready):
            with m.If(self.i.valid):
                m.d.sync += [self.tx.eq(0), shift.eq(Cat(self.i.payload, Const(1, 1)))]
                m.d.sync += [left.eq(BITS), timer.eq(self.cycles - 1)]
        with m.Elif(timer != 0):
            m.d.sync += timer.eq(timer - 1)
        with m.Else():
            m.d.sync += [self.tx.eq(shift[0]), shift.eq(Cat(shift[1:], Const(1, 1)))]
            m.d.sync += [left.eq(left - 1), timer.eq(self.cycles - 1)]
        return m

"""Division of whole numbers, one bit of the quotient a cycle."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out


class Divider(wiring.Component):
    """``floor(dividend / divisor)``, for a quotient of at most ``bits`` bits.

    Latency: ``bits + 1`` cycles. Throughput: one quotient every ``bits + 1`` cycles.

    Parameters
    ----------
    bits: of a quotient. divisor_bits: of a divisor.

    Members
    -------
    i: stream of ``dividend``, less than ``divisor << bits``, and ``divisor``, not zero. o: stream of quotients.

    Raises
    ------
    ValueError: a width below 1.
    """

    def __init__(self, *, bits: int, divisor_bits: int) -> None:
        if bits < 1 or divisor_bits < 1:
            raise ValueError(f"widths must be at least 1, not {bits!r} and {divisor_bits!r}")
        self.bits = bits
        self.divisor_bits = divisor_bits
        pair = data.StructLayout({"dividend": divisor_bits + bits, "divisor": divisor_bits})
        super().__init__({"i": In(stream.Signature(pair)), "o": Out(stream.Signature(bits))})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        bits = self.bits
        divisor = Signal(self.divisor_bits, reset_less=True)
        rest = Signal(self.divisor_bits, reset_less=True)  # less than the divisor
        # bits of the dividend that are still to come, and behind them those of the quotient that were found
        tail = Signal(bits, reset_less=True)
        left = Signal(range(bits + 1))
        do_take = Signal()
        m.d.comb += [
            self.i.ready.eq((left == 0) & (~self.o.valid | self.o.ready)),
            do_take.eq(self.i.valid & self.i.ready),
            self.o.payload.eq(tail),
        ]
        # 2 rest + the next bit of the dividend; less the divisor where that fits, which is a bit of the quotient
        longer = Signal(self.divisor_bits + 1)
        fits = Signal()
        m.d.comb += [longer.eq(Cat(tail[-1], rest)), fits.eq(longer >= divisor)]
        with m.If(do_take):
            m.d.sync += [
                Cat(tail, rest).eq(self.i.payload.dividend),
                divisor.eq(self.i.payload.divisor),
                left.eq(bits),
                self.o.valid.eq(0),
            ]
        with m.Elif(left != 0):
            m.d.sync += [
                rest.eq(longer - Mux(fits, divisor, 0)),
                tail.eq(Cat(fits, tail[:-1])),
                left.eq(left - 1),
                self.o.valid.eq(left == 1),
            ]
        with m.Elif(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        return m

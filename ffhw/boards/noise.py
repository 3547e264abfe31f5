"""Pseudo-random bits for test hardware, new ones every cycle."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

# s[i + 31] = s[i + 13] ^ s[i]: x^31 + x^13 + 1 is primitive, so that the sequence repeats after 2^31 - 1 bits.
DEGREE, TAP = 31, 13
# Bits by which a register can advance in one cycle with one gate for each new bit.
FRESH = DEGREE - TAP


class Noise(wiring.Component):
    """``width`` bits that follow from nothing else in the design; each cycle all of them are new.

    Each 18 bits are the newest of a linear feedback shift register of 31 bits that advances by 18 bits a cycle. Each
    register wakes up with a number of its own. Three bits of one register depend on each other now and then, so one
    that chooses and those that are chosen belong into different ones.

    Parameters
    ----------
    first: number of the first register; components whose registers have different numbers are independent.
    """

    def __init__(self, width: int, first: int = 0) -> None:
        if width < 1:
            raise ValueError(f"width must be at least 1, not {width!r}")
        self.width = width
        self.first = first
        super().__init__({"bits": Out(width)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        fresh = []
        for number in range(-(-self.width // FRESH)):
            register = Signal(DEGREE, name=f"register_{number}", init=start(self.first + number))
            m.d.sync += register.eq(Cat(register[FRESH:], register[:FRESH] ^ register[TAP:]))
            fresh.append(register[TAP:])
        m.d.comb += self.bits.eq(Cat(*fresh)[: self.width])
        return m


def start(number: int) -> int:
    """Some number of 31 bits for each register, never 0: a multiplicative hash."""
    value = (number + 1) * 2654435761 % (1 << 32)
    return ((value ^ (value >> 15)) * 2246822519 % (1 << 32) >> 1) | 1

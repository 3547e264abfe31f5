"""The gate: from an accumulator to J, K or any other sigmoid output."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ffhw.hdl.datapath.rom import Rom
from ffhw.numbers import sigmoid


class SigmoidTable(wiring.Component):
    """Sigmoid of several accumulators, by one table that is stored once.

    Half the table is stored: ``table[~index] == ~table[index]``. Latency: 1 cycle. Throughput: all ports each cycle.

    Parameters
    ----------
    bits: b, width of a result; the index has b + 2 bits.
    acc_width, shift: ``index = saturate(acc >> shift)``.
    ports: look-ups a cycle.

    Members
    -------
    en: take new accumulators, else ``code`` keeps its value.
    acc: accumulators; code: ``Unorm(bits)`` results, one cycle later.
    """

    def __init__(self, *, bits: int, acc_width: int, shift: int, ports: int) -> None:
        if shift < 0 or ports < 1:
            raise ValueError(f"shift must be at least 0 and ports at least 1, not {shift!r} and {ports!r}")
        self.bits = bits
        self.acc_width = acc_width
        self.shift = shift
        self.ports = ports
        super().__init__(
            {
                "en": In(1),
                "acc": In(data.ArrayLayout(signed(acc_width), ports)),
                "code": Out(data.ArrayLayout(unsigned(bits), ports)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        address_bits = sigmoid.index_bits(self.bits) - 1
        half = sigmoid.half_table(self.bits)[:, None]
        m.submodules.table = table = Rom(fields=half, bits=self.bits, ports=self.ports)
        m.d.comb += table.en.eq(self.en)
        for port, (addr, read) in enumerate(table.reads):
            index = self.acc[port] >> self.shift
            negative = Signal(name=f"negative_{port}")
            # the index of the stored half: ~index where the index is negative
            folded = Signal(max(len(index), 1), name=f"folded_{port}")
            m.d.comb += [negative.eq(index < 0), folded.eq(index ^ negative.replicate(len(index)))]
            # saturation sets all bits
            over = folded[address_bits:].any() if len(folded) > address_bits else 0
            flip = Signal(name=f"flip_{port}", reset_less=True)
            m.d.comb += [
                getattr(table, addr).eq(folded[:address_bits] | Cat(over).replicate(address_bits)),
                # table[~index] = ~table[index]
                self.code[port].eq(getattr(table, read) ^ flip.replicate(self.bits)),
            ]
            with m.If(self.en):
                m.d.sync += flip.eq(negative)
        return m

"""Look-up of a non-linear function: from accumulators to gates and other outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ffhw.hdl.datapath.beat import element_shape
from ffhw.hdl.datapath.rom import Rom
from ffhw.numbers.tables import Sigmoid, Table


class LookupTable(wiring.Component):
    """A function of several accumulators, by one table that is stored once.

    Half the table is stored: ``table[~index]`` is ``~table[index]`` of a sigmoid, ``-table[index]`` of tanh. Latency: 1
    cycle. Throughput: all ports each cycle.

    Parameters
    ----------
    table: the function and the width of a result; the index has two bits more.
    acc_width: bits of an accumulator.
    shifts: one a port: ``index = saturate(acc >> shift)``.

    Members
    -------
    en: take new accumulators, else ``code`` keeps its value.
    acc: accumulators; code: results, one cycle later.
    """

    def __init__(self, *, table: Table, acc_width: int, shifts: Sequence[int]) -> None:
        if not shifts or min(shifts) < 0:
            raise ValueError(f"there must be at least one port, and no shift below 0, not {list(shifts)}")
        self.table = table
        self.acc_width = acc_width
        self.shifts = tuple(shifts)
        ports = len(self.shifts)
        super().__init__(
            {
                "en": In(1),
                "acc": In(data.ArrayLayout(signed(acc_width), ports)),
                "code": Out(data.ArrayLayout(element_shape(table.output), ports)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        bits, address_bits = self.table.bits, self.table.index_bits - 1
        m.submodules.table = stored = Rom(fields=self.table.half[:, None], bits=bits, ports=len(self.shifts))
        m.d.comb += stored.en.eq(self.en)
        for port, ((addr, word), shift) in enumerate(zip(stored.reads, self.shifts, strict=True)):
            index = self.acc[port] >> shift
            negative = Signal(name=f"negative_{port}")
            # the index of the stored half: ~index where the index is negative
            folded = Signal(max(len(index), 1), name=f"folded_{port}")
            m.d.comb += [negative.eq(index < 0), folded.eq(index ^ negative.replicate(len(index)))]
            # saturation sets all bits
            over = folded[address_bits:].any() if len(folded) > address_bits else 0
            flip = Signal(name=f"flip_{port}", reset_less=True)
            mirrored = getattr(stored, word) ^ flip.replicate(bits)
            if not isinstance(self.table, Sigmoid):
                # -v = ~v + 1
                mirrored = mirrored + flip
            m.d.comb += [
                getattr(stored, addr).eq(folded[:address_bits] | Cat(over).replicate(address_bits)),
                self.code[port].eq(mirrored[:bits]),
            ]
            with m.If(self.en):
                m.d.sync += flip.eq(negative)
        return m

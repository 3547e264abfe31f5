"""The engine of a SimpleRNN layer: a look-up."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module

from ffhw.hdl.datapath.interpolation import delayed
from ffhw.hdl.datapath.lookup_table import LookupTable
from ffhw.hdl.engines.recurrent import Cell, engine_with
from ffhw.numbers.tables import Tanh


class SimpleRNNCell(Cell):
    """Tanh units: ``acc`` in, new state out. Latency: 2 cycles. Throughput: all units a cycle."""

    latency = 2
    reads = ()

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.table = table = LookupTable(
            table=Tanh(self.layer.state.bits),
            acc_width=self.layer.acc_width,
            shifts=self.layer.gate_shifts * self.width,
        )
        m.d.comb += table.en.eq(self.en)
        for n in range(self.width):
            m.d.comb += [
                table.acc[n].eq(self.acc[n][0]),
                # H' = tanh(acc)
                self.h[n].eq(delayed(m, self.en, f"state_{n}", table.code[n], 1)),
            ]
        return m


engine = engine_with(SimpleRNNCell)

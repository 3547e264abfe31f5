"""The engine of a SimpleRNN layer: a look-up."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module

from ffhw.hdl.datapath.interpolation import delayed
from ffhw.hdl.engines.recurrent import Cell, engine_with


class SimpleRNNCell(Cell):
    """Tanh units: ``acc`` in, new state out. Latency: 2 cycles. Throughput: all units a cycle."""

    latency = 2
    reads = ()

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        for n, (code,) in enumerate(self.gate_codes(m)):
            # H' = tanh(acc)
            m.d.comb += self.h[n].eq(delayed(m, self.en, f"state_{n}", code, 1))
        return m


engine = engine_with(SimpleRNNCell)

"""The engine of a CTRNN layer: a look-up, and a step towards it."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Const, Module, unsigned

from ffhw.hdl.datapath.interpolation import delayed, interpolate
from ffhw.hdl.datapath.lookup_table import LookupTable
from ffhw.hdl.engines.recurrent import Cell, engine_with
from ffhw.layers.ctrnn import CTRNNLayer
from ffhw.numbers.tables import Tanh


class CTRNNCell(Cell):
    """Leaky tanh units: ``acc`` in, new state out. Latency: 4 cycles. Throughput: all units a cycle."""

    latency = 4
    layer: CTRNNLayer

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        bits = self.layer.state.bits
        m.submodules.table = table = LookupTable(
            table=Tanh(bits), acc_width=self.layer.acc_width, shifts=self.layer.gate_shifts * self.width
        )
        m.d.comb += table.en.eq(self.en)
        alpha = Const(self.layer.alpha, unsigned(bits))
        sign = 1 << (bits - 1)
        for n in range(self.width):
            m.d.comb += table.acc[n].eq(self.acc[n][0])
            # N = tanh(acc); a flipped sign bit raises a code by 2^(b-1)
            new = delayed(m, self.en, f"gate_n_{n}", table.code[n].as_unsigned() ^ sign, 1)
            old = delayed(m, self.en, f"gate_h_{n}", self.own[n].h.as_unsigned() ^ sign, 1)
            # H' = round((A * N + ~A * H) / M)
            mixed = interpolate(m, self.en, f"state_{n}", alpha, new, old, bits)
            m.d.comb += [
                self.h[n].eq(mixed ^ sign),
                self.n[n].eq(delayed(m, self.en, f"n_{n}", new, 2) ^ sign),
            ]
        return m


engine = engine_with(CTRNNCell)

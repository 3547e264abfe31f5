"""The engine of a JK layer: gates and state update of eq. 1-3, one unit a cycle."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module

from ffhw.hdl.datapath.interpolation import delayed, interpolate
from ffhw.hdl.engines.recurrent import Cell, engine_with


class JKCell(Cell):
    """JK neurons: ``acc`` of J and K in, gates and new state out. Latency: 4 cycles. Throughput: all units a cycle."""

    latency = 4

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        bits = self.layer.state.bits
        for n, codes in enumerate(self.gate_codes(m)):
            # J, K = sigmoid(acc_J), sigmoid(acc_K)
            j = delayed(m, self.en, f"gate_j_{n}", codes[0], 1)
            k = delayed(m, self.en, f"gate_k_{n}", codes[1], 1)
            h = delayed(m, self.en, f"gate_h_{n}", self.own[n].h, 1)
            m.d.comb += [
                # H' = round((J * ~H + ~K * H) / M)
                self.h[n].eq(interpolate(m, self.en, f"state_{n}", h, (~k)[:bits], j, bits)),
                self.j[n].eq(delayed(m, self.en, f"j_{n}", j, 2)),
                self.k[n].eq(delayed(m, self.en, f"k_{n}", k, 2)),
            ]
        return m


engine = engine_with(JKCell)

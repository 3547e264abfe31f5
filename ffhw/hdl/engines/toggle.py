"""The engine of a toggle layer: its gate and the state update, one unit a cycle."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module

from ffhw.hdl.datapath.interpolation import delayed, interpolate
from ffhw.hdl.engines.recurrent import Cell, engine_with


class ToggleCell(Cell):
    """Toggle neurons: ``acc`` of T in, gate and new state out. Latency: 4 cycles. Throughput: all units a cycle."""

    latency = 4

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        bits = self.layer.state.bits
        for n, (code,) in enumerate(self.gate_codes(m)):
            # T = sigmoid(acc)
            toggle = delayed(m, self.en, f"gate_{n}", code, 1)
            h = delayed(m, self.en, f"gate_h_{n}", self.own[n].h, 1)
            m.d.comb += [
                # H' = round((T * ~H + ~T * H) / M)
                self.h[n].eq(interpolate(m, self.en, f"state_{n}", h, (~toggle)[:bits], toggle, bits)),
                self.t[n].eq(delayed(m, self.en, f"t_{n}", toggle, 2)),
            ]
        return m


engine = engine_with(ToggleCell)

"""The engine of an SR layer: its gates, what S = R = 1 does, and the state update, one unit a cycle."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module

from ffhw.hdl.datapath.interpolation import delayed, interpolate
from ffhw.hdl.engines.recurrent import Cell, engine_with
from ffhw.layers.sr import SRLayer


class SRCell(Cell):
    """SR neurons: ``acc`` of S and R in, gates and new state out. Latency: 7 cycles. Throughput: all units a cycle."""

    latency = 7
    layer: SRLayer

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        bits, both = self.layer.state.bits, self.layer.both
        for n, codes in enumerate(self.gate_codes(m)):
            # S, R = sigmoid(acc_S), sigmoid(acc_R)
            s = delayed(m, self.en, f"gate_s_{n}", codes[0], 1)
            r = delayed(m, self.en, f"gate_r_{n}", codes[1], 1)
            # J = S, or round(S * ~R / M)
            j, k = delayed(m, self.en, f"late_s_{n}", s, 2), delayed(m, self.en, f"late_r_{n}", r, 2)
            late_s, late_r = j, k
            if both != "set":
                j = interpolate(m, self.en, f"only_s_{n}", (~r)[:bits], s, None, bits)
            # K = R, or round(R * ~S / M)
            if both != "reset":
                k = interpolate(m, self.en, f"only_r_{n}", (~s)[:bits], r, None, bits)
            j = delayed(m, self.en, f"j_{n}", j, 1)
            k = delayed(m, self.en, f"k_{n}", k, 1)
            h = delayed(m, self.en, f"gate_h_{n}", self.own[n].h, 4)
            m.d.comb += [
                # H' = round((J * ~H + ~K * H) / M)
                self.h[n].eq(interpolate(m, self.en, f"state_{n}", h, (~k)[:bits], j, bits)),
                self.s[n].eq(delayed(m, self.en, f"s_{n}", late_s, 3)),
                self.r[n].eq(delayed(m, self.en, f"r_{n}", late_r, 3)),
            ]
        return m


engine = engine_with(SRCell)

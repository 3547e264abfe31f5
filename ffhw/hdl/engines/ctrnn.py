"""The engine of a CTRNN layer: a look-up, and a step towards it."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Const, Module, unsigned

from ffhw.hdl.datapath.interpolation import delayed, interpolate
from ffhw.hdl.engines.recurrent import Cell, engine_with
from ffhw.layers.ctrnn import CTRNNLayer


class CTRNNCell(Cell):
    """Leaky tanh units: ``acc`` in, new state out. Latency: 4 cycles. Throughput: all units a cycle."""

    latency = 4
    layer: CTRNNLayer

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        bits = self.layer.state.bits
        alpha = Const(self.layer.alpha, unsigned(bits))
        sign = 1 << (bits - 1)
        for n, (code,) in enumerate(self.gate_codes(m)):
            # N = tanh(acc); a flipped sign bit raises a code by 2^(b-1)
            new = delayed(m, self.en, f"gate_n_{n}", code.as_unsigned() ^ sign, 1)
            old = delayed(m, self.en, f"gate_h_{n}", self.own[n].h.as_unsigned() ^ sign, 1)
            # H' = round((A * N + ~A * H) / M)
            mixed = interpolate(m, self.en, f"state_{n}", alpha, new, old, bits)
            m.d.comb += [
                self.h[n].eq(mixed ^ sign),
                self.n[n].eq(delayed(m, self.en, f"n_{n}", new, 2) ^ sign),
            ]
        return m


engine = engine_with(CTRNNCell)

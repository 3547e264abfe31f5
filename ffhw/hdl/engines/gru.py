"""The engine of a GRU layer: gates, candidate and the step towards it."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Signal, signed

from ffhw.hdl.datapath.interpolation import delayed, interpolate
from ffhw.hdl.datapath.lookup_table import LookupTable
from ffhw.hdl.engines.recurrent import Cell, engine_with
from ffhw.layers.gru import GRULayer
from ffhw.numbers.tables import Sigmoid, Tanh


class GRUCell(Cell):
    """GRU units: ``acc`` of z, r, the candidate's input and its recurrent sum in; gates and new state out.

    Latency: 8 cycles. Throughput: all units a cycle.
    """

    latency = 8
    layer: GRULayer

    def bias(self) -> Any:
        """With half of what the candidate's recurrent sum is rounded by."""
        bias = self.layer.bias.copy()
        bias[3] += (1 << self.layer.recurrent_shift) >> 1
        return bias

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        layer, bits = self.layer, self.layer.state.bits
        own, again, shift = layer.candidate_shifts
        candidate_width = layer.candidate_width
        m.submodules.gates = gates = LookupTable(
            table=Sigmoid(bits), acc_width=layer.acc_width, shifts=layer.gate_shifts[:2] * self.width
        )
        m.submodules.squash = squash = LookupTable(
            table=Tanh(bits), acc_width=candidate_width, shifts=[shift] * self.width
        )
        m.d.comb += [gates.en.eq(self.en), squash.en.eq(self.en)]
        sign = 1 << (bits - 1)
        for n in range(self.width):
            m.d.comb += [gates.acc[2 * n].eq(self.acc[n][0]), gates.acc[2 * n + 1].eq(self.acc[n][1])]
            # z, r = sigmoid(acc_z), sigmoid(acc_r); R = r + (r >> (b - 1)), over 2^b
            z = delayed(m, self.en, f"gate_z_{n}", gates.code[2 * n], 1)
            r = delayed(m, self.en, f"gate_r_{n}", gates.code[2 * n + 1], 1)
            scale = delayed(m, self.en, f"scale_{n}", gates.code[2 * n + 1] + gates.code[2 * n + 1][-1], 1)
            # m = (acc_nh + half) >> s; the half is in the bias
            recurrent = delayed(m, self.en, f"recurrent_{n}", self.acc[n][3] >> layer.recurrent_shift, 2)
            inputs = delayed(m, self.en, f"inputs_{n}", self.acc[n][2], 3)
            product = Signal(signed(len(scale) + 1 + len(recurrent)), name=f"reset_{n}", reset_less=True)
            total = Signal(signed(candidate_width), name=f"total_{n}", reset_less=True)
            with m.If(self.en):
                m.d.sync += [
                    product.eq(scale * recurrent),
                    # acc_nx + R m, on one grid
                    total.eq((inputs << own) + (product << again)),
                ]
            m.d.comb += squash.acc[n].eq(total)
            # n = tanh(acc_nx + R m); a flipped sign bit raises a code by 2^(b-1)
            new = delayed(m, self.en, f"gate_n_{n}", squash.code[n].as_unsigned() ^ sign, 1)
            late_z = delayed(m, self.en, f"late_z_{n}", z, 4)
            old = delayed(m, self.en, f"gate_h_{n}", self.own[n].h.as_unsigned() ^ sign, 5)
            # H' = round((Z * H + ~Z * N) / M)
            mixed = interpolate(m, self.en, f"state_{n}", late_z, old, new, bits)
            m.d.comb += [
                self.h[n].eq(mixed ^ sign),
                self.z[n].eq(delayed(m, self.en, f"z_{n}", late_z, 2)),
                self.r[n].eq(delayed(m, self.en, f"r_{n}", r, 6)),
                self.n[n].eq(delayed(m, self.en, f"n_{n}", new, 2) ^ sign),
            ]
        return m


engine = engine_with(GRUCell)

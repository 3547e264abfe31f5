"""The engine of an LSTM layer: gates, cell state and output."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed

from ffhw.hdl.datapath.interpolation import delayed
from ffhw.hdl.datapath.keep import KEEP
from ffhw.hdl.datapath.lookup_table import LookupTable
from ffhw.hdl.engines.recurrent import Cell, engine_with
from ffhw.layers.lstm import LSTMLayer
from ffhw.numbers.tables import Sigmoid, Tanh


class LSTMCell(Cell):
    """LSTM units: ``acc`` of i, f, g, o in; gates, cell state and h out.

    Latency: 8 cycles. Throughput: all units a cycle.
    """

    latency = 8
    reads = ("c",)
    layer: LSTMLayer

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        layer, bits, cell = self.layer, self.layer.state.bits, self.layer.cell
        forget, add, back = layer.cell_shifts
        up, down = layer.tanh_shifts
        i_shift, f_shift, g_shift, o_shift = layer.gate_shifts
        m.submodules.gates = gates = LookupTable(
            table=Sigmoid(bits), acc_width=layer.acc_width, shifts=[i_shift, f_shift, o_shift] * self.width
        )
        # g and tanh(c) share a table
        m.submodules.squash = squash = LookupTable(
            table=Tanh(bits), acc_width=max(layer.acc_width, cell.bits + up), shifts=[g_shift, down] * self.width
        )
        m.d.comb += [gates.en.eq(self.en), squash.en.eq(self.en)]
        for n in range(self.width):
            look = {"i": gates.code[3 * n], "f": gates.code[3 * n + 1], "o": gates.code[3 * n + 2]}
            m.d.comb += [
                gates.acc[3 * n].eq(self.acc[n][0]),
                gates.acc[3 * n + 1].eq(self.acc[n][1]),
                gates.acc[3 * n + 2].eq(self.acc[n][3]),
                squash.acc[2 * n].eq(self.acc[n][2]),
            ]
            # i, f, o = sigmoid(acc), g = tanh(acc)
            gate = {name: delayed(m, self.en, f"gate_{name}_{n}", code, 1) for name, code in look.items()}
            # I = i + (i >> (b - 1)), over 2^b; F and O likewise
            scale = {name: delayed(m, self.en, f"scale_{name}_{n}", code + code[-1], 1) for name, code in look.items()}
            g = delayed(m, self.en, f"gate_g_{n}", squash.code[2 * n], 1)
            c = delayed(m, self.en, f"gate_c_{n}", self.own[n].c, 1)
            kept = Signal(signed(bits + 2 + cell.bits), name=f"kept_{n}", reset_less=True, attrs=KEEP)
            added = Signal(signed(bits + 2 + bits), name=f"added_{n}", reset_less=True, attrs=KEEP)
            total = Signal(signed(layer.cell_bound.bit_length() + 1), name=f"total_{n}", reset_less=True)
            new = Signal(signed(cell.bits), name=f"new_{n}", reset_less=True)
            code = total >> back
            with m.If(self.en):
                m.d.sync += [
                    kept.eq(scale["f"] * c),
                    added.eq(scale["i"] * g),
                    # C' = saturate((F C << a) + (I G << d) rounded half up by `back`)
                    total.eq((kept << forget) + (added << add) + (1 << (back - 1))),
                    new.eq(Mux(code > cell.max, cell.max, Mux(code < cell.min, cell.min, code))),
                ]
            m.d.comb += squash.acc[2 * n + 1].eq(new << up)
            squashed = delayed(m, self.en, f"squashed_{n}", squash.code[2 * n + 1], 1)
            opened = delayed(m, self.en, f"opened_{n}", scale["o"], 5)
            output = Signal(signed(bits + 2 + bits), name=f"output_{n}", reset_less=True)
            with m.If(self.en):
                m.d.sync += output.eq(opened * squashed)
            m.d.comb += [
                # H' = (O tanh(C') + half) >> b
                self.h[n].eq((output + (1 << (bits - 1))) >> bits),
                self.c[n].eq(delayed(m, self.en, f"c_{n}", new, 3)),
                self.g[n].eq(delayed(m, self.en, f"g_{n}", g, 6)),
                *(getattr(self, name)[n].eq(delayed(m, self.en, f"{name}_{n}", gate[name], 6)) for name in "ifo"),
            ]
        return m


engine = engine_with(LSTMCell)

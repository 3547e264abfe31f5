"""The engine of a GRU layer with the reset before the product: three rounds over all units, one a gate.

round 0   r, and p = r h, which goes to the lanes     round 1   z, which waits     round 2   n, and the step to it
"""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Signal, signed, unsigned
from amaranth.lib import memory

from ffhw.hdl.datapath.interpolation import delayed, interpolate
from ffhw.hdl.datapath.lookup_table import LookupTable
from ffhw.hdl.engines.recurrent import Cell, engine_with
from ffhw.layers.gru_reset_before import GRUResetBeforeLayer
from ffhw.numbers.tables import Sigmoid, Tanh


class GRUResetBeforeCell(Cell):
    """GRU units: ``acc`` of a round's gate in; in round 0 p out, in round 2 gates and new state.

    Latency: 4 cycles. Throughput: all units a cycle.
    """

    latency = 4
    layer: GRUResetBeforeLayer

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        layer, bits = self.layer, self.layer.state.bits
        r_shift, _, n_shift = layer.gate_shifts
        m.submodules.gates = gates = LookupTable(
            table=Sigmoid(bits), acc_width=layer.acc_width, shifts=[r_shift] * self.width
        )
        m.submodules.squash = squash = LookupTable(
            table=Tanh(bits), acc_width=layer.acc_width, shifts=[n_shift] * self.width
        )
        m.d.comb += [gates.en.eq(self.en), squash.en.eq(self.en)]
        round_now = delayed(m, self.en, "round", self.round, 1)
        beat_now = delayed(m, self.en, "beat", self.beat, 1)
        r = self._stored(m, "r", gates.code, (round_now == 0) & self.en, beat_now)
        z = self._stored(m, "z", gates.code, (round_now == 1) & self.en, beat_now)
        sign = 1 << (bits - 1)
        for n in range(self.width):
            m.d.comb += [gates.acc[n].eq(self.acc[n][0]), squash.acc[n].eq(self.acc[n][0])]
            # r = sigmoid(acc); R = r + (r >> (b - 1)), over 2^b
            scale = delayed(m, self.en, f"scale_{n}", gates.code[n] + gates.code[n][-1], 1)
            # n = tanh(acc); a flipped sign bit raises a code by 2^(b-1)
            new = delayed(m, self.en, f"gate_n_{n}", squash.code[n].as_unsigned() ^ sign, 1)
            old = delayed(m, self.en, f"gate_h_{n}", self.own[n].h, 1)
            product = Signal(signed(bits + 2 + bits), name=f"product_{n}", reset_less=True)
            reset = Signal(signed(bits), name=f"reset_{n}", reset_less=True)
            with m.If(self.en):
                m.d.sync += [
                    product.eq(scale * old),
                    # P = (R H + half) >> b
                    reset.eq((product + sign) >> bits),
                ]
            # H' = round((Z * H + ~Z * N) / M)
            mixed = interpolate(m, self.en, f"state_{n}", z[n], old.as_unsigned() ^ sign, new, bits)
            m.d.comb += [
                self.passed_on[n].eq(reset),
                self.h[n].eq(mixed ^ sign),
                self.r[n].eq(delayed(m, self.en, f"r_{n}", r[n], 2)),
                self.z[n].eq(delayed(m, self.en, f"z_{n}", z[n], 2)),
                self.n[n].eq(delayed(m, self.en, f"n_{n}", new, 2) ^ sign),
            ]
        return m

    def _stored(self, m: Module, name: str, codes: Any, write_now: Any, beat: Any) -> list[Any]:
        """Codes of an earlier round, one cycle after ``beat``; a word a beat."""
        bits = self.layer.state.bits
        m.submodules[f"stored_{name}"] = stored = memory.Memory(
            shape=unsigned(bits * self.width), depth=self.beats, init=[]
        )
        write = stored.write_port()
        read = stored.read_port()
        m.d.comb += [
            write.addr.eq(beat),
            write.data.eq(codes.as_value()),
            write.en.eq(write_now),
            read.addr.eq(beat),
            read.en.eq(self.en),
        ]
        return [read.data.word_select(n, bits) for n in range(self.width)]


engine = engine_with(GRUResetBeforeCell)

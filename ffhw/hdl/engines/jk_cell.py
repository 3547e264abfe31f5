"""The finishing unit of a JK engine: gates and state update of eq. 1-3, one unit a cycle."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ffhw.hdl.datapath.keep import KEEP
from ffhw.hdl.datapath.sigmoid_table import SigmoidTable


class JKCell(wiring.Component):
    """``width`` flip-flop neurons: two accumulators and the old state in, the new state out.

    Latency: 4 cycles with ``en`` from ``acc`` to ``new``; ``h`` is taken one cycle after ``acc``. Throughput: ``width``
    units a cycle.

    Parameters
    ----------
    bits: b, width of states and gates; M = 2^b - 1.
    acc_width: bits of an accumulator, bias added; shift: from it to the table index.

    Members
    -------
    en: all registers advance, or none does.
    acc: ``[unit][gate]``, gate order J, K.
    h: old states, one cycle later than ``acc``.
    j, k: gates that belong to ``new``, for probing; new: new states.
    """

    def __init__(self, *, bits: int, acc_width: int, shift: int, width: int) -> None:
        if width < 1:
            raise ValueError(f"width must be at least 1, not {width!r}")
        self.bits = bits
        self.acc_width = acc_width
        self.shift = shift
        self.width = width
        codes = data.ArrayLayout(unsigned(bits), width)
        super().__init__(
            {
                "en": In(1),
                "acc": In(data.ArrayLayout(data.ArrayLayout(signed(acc_width), 2), width)),
                "h": In(codes),
                "j": Out(codes),
                "k": Out(codes),
                "new": Out(codes),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        bits = self.bits
        m.submodules.table = table = SigmoidTable(
            bits=bits, acc_width=self.acc_width, shift=self.shift, ports=2 * self.width
        )
        m.d.comb += table.en.eq(self.en)
        for n in range(self.width):

            def register(name: str, width: int = bits, n: int = n, attrs: dict[str, int] | None = None) -> Signal:
                return Signal(width, name=f"{name}_{n}", reset_less=True, attrs=attrs)

            gate_j = register("gate_j")
            gate_k = register("gate_k")
            gate_h = register("gate_h")
            set_product = register("set_product", 2 * bits, attrs=KEEP)
            hold_product = register("hold_product", 2 * bits, attrs=KEEP)
            # t <= M (M - H) + M H = M^2, so that u <= (2^b - 1)^2 + 2^(b-1) < 2^(2b) for every b >= 1
            u = register("u", 2 * bits)
            pipe_j = [register(f"j{stage}") for stage in range(2)]
            pipe_k = [register(f"k{stage}") for stage in range(2)]
            m.d.comb += [table.acc[2 * n].eq(self.acc[n][0]), table.acc[2 * n + 1].eq(self.acc[n][1])]
            with m.If(self.en):
                m.d.sync += [
                    # J, K = sigmoid(acc_J), sigmoid(acc_K)
                    gate_j.eq(table.code[2 * n]),
                    gate_k.eq(table.code[2 * n + 1]),
                    gate_h.eq(self.h[n]),
                    # t = J * ~H + ~K * H; ~ is the bitwise NOT, which is M - v
                    set_product.eq(gate_j * (~gate_h)[:bits]),
                    hold_product.eq((~gate_k)[:bits] * gate_h),
                    # u = t + 2^(b-1)
                    u.eq(set_product + hold_product + (1 << (bits - 1))),
                    pipe_j[0].eq(gate_j),
                    pipe_k[0].eq(gate_k),
                    pipe_j[1].eq(pipe_j[0]),
                    pipe_k[1].eq(pipe_k[0]),
                ]
            m.d.comb += [
                # H' = (u + (u >> b)) >> b = round(t / M)
                self.new[n].eq((u + (u >> bits)) >> bits),
                self.j[n].eq(pipe_j[1]),
                self.k[n].eq(pipe_k[1]),
            ]
        return m

"""A gate that chooses between two numbers, or a mixture of them."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Signal

from ffhw.hdl.datapath.keep import KEEP


def interpolate(m: Module, en: Any, name: str, gate: Any, one: Any, zero: Any, bits: int) -> Any:
    """``round((gate one + ~gate zero) / M)`` of codes of ``Unorm(bits)``, M = 2^bits - 1.

    Latency: 2 cycles with ``en``, and an addition behind them. Throughput: one a cycle. Two multipliers, or one where
    ``zero`` is None, which stands for 0.
    """
    added = zero is not None
    zero_product: Any = 0
    one_product = Signal(2 * bits, name=f"{name}_one", reset_less=True, attrs=KEEP if added else None)
    if added:
        zero_product = Signal(2 * bits, name=f"{name}_zero", reset_less=True, attrs=KEEP)
    # t <= M^2, so that u <= M^2 + 2^(b-1) < 2^(2b) for every b >= 1
    u = Signal(2 * bits, name=f"{name}_u", reset_less=True)
    with m.If(en):
        # t = gate * one + ~gate * zero; ~ is the bitwise NOT, which is M - v
        m.d.sync += one_product.eq(gate * one)
        if added:
            m.d.sync += zero_product.eq((~gate)[:bits] * zero)
        # u = t + 2^(b-1)
        m.d.sync += u.eq(one_product + zero_product + (1 << (bits - 1)))
    # (u + (u >> b)) >> b = round(t / M)
    return ((u + (u >> bits)) >> bits)[:bits]


def delayed(m: Module, en: Any, name: str, value: Any, stages: int) -> Any:
    """A value some cycles with ``en`` later."""
    for stage in range(stages):
        register = Signal.like(value, name=f"{name}_{stage}", reset_less=True)
        with m.If(en):
            m.d.sync += register.eq(value)
        value = register
    return value

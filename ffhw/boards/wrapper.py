"""A test wrapper that puts a design on a board with two pins: the clock, and a light that depends on every output.

A shift register feeds all inputs and a signature register swallows all outputs, so that synthesis can remove nothing.
"""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, ClockDomain, ClockSignal, Elaboratable, Instance, Module, Signal


class TestWrapper(Elaboratable):
    """``ffhw_top`` between a source of pseudo-random beats and a sink that folds all beats into one light.

    Parameters
    ----------
    ports: width of each port of the top level by name, clock and reset excluded.
    """

    __test__ = False  # not a test, whatever its name begins with

    def __init__(self, ports: dict[str, int]) -> None:
        self.ports = ports

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.domains.sync = ClockDomain(reset_less=True)
        m.d.comb += ClockSignal().eq(platform.request(platform.default_clk).i)

        # 31-bit Fibonacci shift register, x^31 + x^28 + 1
        noise = Signal(31, init=1)
        m.d.sync += noise.eq(Cat(noise[30] ^ noise[27], noise[:-1]))
        started = Signal(4)
        with m.If(~started.all()):
            m.d.sync += started.eq(started + 1)

        arguments: dict[str, Any] = {"i_clk": ClockSignal(), "i_rst": ~started.all()}
        seen = []
        for name, width in self.ports.items():
            takes_data = name.startswith("s_axis")
            if name.endswith("tready") != takes_data:  # inputs: a sink's data, valid and last, a source's ready
                value = noise.replicate(-(-width // 31))[:width]
                arguments[f"i_{name}"] = 1 if name.endswith("tready") else value
            else:
                output = Signal(width, name=name)
                arguments[f"o_{name}"] = output
                registered = Signal(width, name=f"{name}_seen")
                m.d.sync += registered.eq(output)
                seen.append(registered)
        m.submodules.top = Instance("ffhw_top", **arguments)

        signature = Signal(8)
        m.d.sync += signature.eq(Cat(signature[7] ^ Cat(*seen).xor(), signature[:-1]))
        m.d.comb += platform.request("led", 0).o.eq(signature[7])
        return m

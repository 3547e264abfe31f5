"""Two streams of vectors become one: side by side, or element by element."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Shape, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ffhw.hdl.datapath.beat import beat_layout, element_shape
from ffhw.hdl.datapath.interpolation import interpolate
from ffhw.numbers.formats import Fixed, Format, Unorm


class SideBySide(wiring.Component):
    """A vector of one stream, then one of the other, as one vector.

    Latency: none. Throughput: a beat a cycle, ``2 beats`` cycles a vector.

    Parameters
    ----------
    shape, width: elements, and how many a beat has. beats: beats of a vector of either stream.

    Members
    -------
    ahead, back: streams of beats; o: stream of beats. ``last`` is that of ``back``.
    """

    def __init__(self, *, shape: Shape, width: int, beats: int) -> None:
        self.beats = beats
        signature = stream.Signature(beat_layout(shape, width))
        super().__init__({"ahead": In(signature), "back": In(signature), "o": Out(signature)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        second = Signal()  # whose turn it is
        beat = Signal(range(self.beats))
        m.d.comb += [
            self.o.valid.eq(Mux(second, self.back.valid, self.ahead.valid)),
            self.o.payload.data.eq(Mux(second, self.back.payload.data.as_value(), self.ahead.payload.data.as_value())),
            self.o.payload.last.eq(second & self.back.payload.last),
            self.ahead.ready.eq(self.o.ready & ~second),
            self.back.ready.eq(self.o.ready & second),
        ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += beat.eq(beat + 1)
            with m.If(beat == self.beats - 1):
                m.d.sync += [beat.eq(0), second.eq(~second)]
        return m


class Elementwise(wiring.Component):
    """The sum, average or product of two streams, element by element.

    Latency: 2 cycles. Throughput: a beat a cycle.

    Parameters
    ----------
    merge: ``sum``, ``ave`` or ``mul``. state: format of what is merged; output: of the result. width: elements a beat.

    Members
    -------
    ahead, back: streams of beats; o: stream of beats. ``last`` is that of ``back``.
    """

    latency = 2

    def __init__(self, *, merge: str, state: Unorm | Fixed, output: Format, width: int) -> None:
        self.merge = merge
        self.state = state
        self.output = output
        self.width = width
        given = stream.Signature(beat_layout(element_shape(state), width))
        result = stream.Signature(beat_layout(element_shape(output), width))
        super().__init__({"ahead": In(given), "back": In(given), "o": Out(result)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        advance = Signal()
        valid = [Signal(name=f"valid_{stage}") for stage in range(self.latency)]
        last = [Signal(name=f"last_{stage}", reset_less=True) for stage in range(self.latency)]
        m.d.comb += [
            advance.eq(~self.o.valid | self.o.ready),
            self.ahead.ready.eq(advance & self.back.valid),
            self.back.ready.eq(advance & self.ahead.valid),
            self.o.valid.eq(valid[-1]),
            self.o.payload.last.eq(last[-1]),
        ]
        with m.If(advance):
            m.d.sync += [valid[0].eq(self.ahead.valid & self.back.valid), valid[1].eq(valid[0])]
            m.d.sync += [last[0].eq(self.back.payload.last), last[1].eq(last[0])]
        for n in range(self.width):
            one, other = self.ahead.payload.data[n], self.back.payload.data[n]
            m.d.comb += self.o.payload.data[n].eq(self._merged(m, advance, n, one, other))
        return m

    def _merged(self, m: Module, advance: Any, n: int, one: Any, other: Any) -> Any:
        state = self.state
        if self.merge == "mul" and isinstance(state, Unorm):
            # round(a b / M)
            return interpolate(m, advance, f"product_{n}", one, other, None, state.bits)
        result = Signal(element_shape(self.output), name=f"result_{n}", reset_less=True)
        if self.merge == "mul":
            product = Signal(signed(2 * state.bits), name=f"product_{n}", reset_less=True)
            code = (product + ((1 << state.frac) >> 1)) >> state.frac
            with m.If(advance):
                m.d.sync += [
                    product.eq(one * other),
                    # (a b + half) >> (b - 1); -1 times -1 saturates
                    result.eq(Mux(code > state.max, state.max, code)),
                ]
            return result
        total = Signal((one + other).shape(), name=f"total_{n}", reset_less=True)
        with m.If(advance):
            m.d.sync += [
                # a + b
                total.eq(one + other),
                # (a + b + 1) >> 1 of an average
                result.eq((total + 1) >> 1 if self.merge == "ave" else total),
            ]
        return result

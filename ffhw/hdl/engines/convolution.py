"""The engine of a convolution over time: a window over the last steps in front of a dense engine."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ffhw.hdl.datapath.beat import beat_layout, element_shape
from ffhw.hdl.datapath.step_window import StepWindow
from ffhw.hdl.engines.dense import DenseEngine
from ffhw.hdl.plan.folding import Folding, schedule
from ffhw.layers.convolution import ConvolutionLayer


def engine(
    layer: ConvolutionLayer, folding: Folding, after: Folding | None, input_width: int, keep_state: bool, probe: bool
) -> ConvolutionEngine:
    """The engine of a layer at a folding; it has no state to keep or to probe."""
    return ConvolutionEngine(layer=layer, folding=folding, input_width=input_width)


class ConvolutionEngine(wiring.Component):
    """A convolution: a stream of input vectors in, a stream of output vectors out, one for each window.

    Throughput: one window every :class:`ffhw.hdl.engines.plans.convolution.ConvolutionPlan` ``.cycles``. Latency: that
    of :class:`StepWindow` and of :class:`DenseEngine`; all but the newest step's products are done before it arrives.

    Parameters
    ----------
    layer: weights, formats, activation and window. folding: its S divides D.
    input_width: elements a beat of ``i``; divides S.

    Members
    -------
    i, o: streams of beats; ``o`` has F elements a beat, for ``argmax`` one class number a window.
    """

    def __init__(self, *, layer: ConvolutionLayer, folding: Folding, input_width: int) -> None:
        self.layer = layer
        self.input_width = input_width
        self.folding = folding
        self.dense = DenseEngine(layer=layer.dense, plan=schedule(layer.dense, folding), input_width=folding.simd)
        super().__init__(
            {
                "i": In(stream.Signature(beat_layout(element_shape(layer.input), input_width))),
                "o": Out(self.dense.signature.members["o"].signature),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        layer = self.layer
        m.submodules.dense = dense = self.dense
        m.submodules.window = window = StepWindow(
            elements=layer.input_size,
            shape=element_shape(layer.input),
            write_width=self.input_width,
            read_width=self.folding.simd,
            taps=layer.taps,
            rhythm=layer.rhythm,
            before=layer.before,
        )
        wiring.connect(m, wiring.flipped(self.i), window.i)
        wiring.connect(m, window.o, dense.i)
        wiring.connect(m, dense.o, wiring.flipped(self.o))
        return m

"""Convolutions over time in ONNX: slices of the steps side by side, and a dense layer."""

from __future__ import annotations

from ffhw.layers.convolution import ConvolutionLayer
from ffhw.onnx import dense
from ffhw.onnx.graph import LAST, Graph


def nodes(graph: Graph, layer: ConvolutionLayer, x: str, mask: str) -> str:
    """Output codes ``[batch, answers, N]``."""
    taps = layer.taps
    if layer.causal and taps > 1:
        batch = graph.node("Shape", [x], start=0, end=1)
        shape = graph.node("Concat", [batch, graph.int64([taps - 1, layer.input_size])], axis=0)
        x = graph.node("Concat", [graph.node("Expand", [graph.constant(layer.before), shape]), x], axis=1)
    # step k of each window: from the k-th step on, up to the one that leaves room for those behind it
    ends = [tap - (taps - 1) or LAST for tap in range(taps)]
    slices = [
        graph.node("Slice", [x, *(graph.int64([n]) for n in (tap, end, 1, layer.stride))])
        for tap, end in enumerate(ends)
    ]
    seen = graph.node("Concat", slices, axis=2) if taps > 1 else slices[0]
    return dense.nodes(graph, layer, seen, mask)

"""Convolutions over time as Conv operators."""

from __future__ import annotations

from ffhw.layers.convolution import FloatConvolution
from ffhw.onnx.floats.dense import activated
from ffhw.onnx.floats.graph import FloatGraph


def nodes(graph: FloatGraph, layer: FloatConvolution, x: str) -> str:
    """Outputs ``[batch, answers, N]``."""
    taps, size = layer.taps, layer.input_size
    front = taps - 1 if layer.causal else 0
    if front and layer.before.any():
        # what stands before a sequence, where that is not zero
        batch = graph.node("Shape", [x], start=0, end=1)
        shape = graph.node("Concat", [batch, graph.integers(front, size)], axis=0)
        before = graph.node("Expand", [graph.weights("before", layer.before), shape])
        x, front = graph.node("Concat", [before, x], axis=1), 0
    kernel = layer.weights.reshape(-1, taps, size).transpose(0, 2, 1)
    v = graph.node(
        "Conv",
        [
            graph.node("Transpose", [x], perm=[0, 2, 1]),
            graph.weights("kernel", kernel),
            graph.weights("bias", layer.bias),
        ],
        strides=[layer.stride],
        pads=[front, 0],
    )
    return activated(graph, layer, graph.node("Transpose", [v], perm=[0, 2, 1]))

"""Pooling within maps as MaxPool operators."""

from __future__ import annotations

from ffhw.layers.map_pooling import FloatMapPooling
from ffhw.onnx.floats.graph import FloatGraph
from ffhw.onnx.floats.over_maps import channels_first


def nodes(graph: FloatGraph, layer: FloatMapPooling, x: str) -> str:
    """The largest of each window, ``[batch, time, places * C]``, or ``[batch, places * C]`` of one answer."""
    window = layer.window
    largest = graph.node(
        "MaxPool",
        [channels_first(graph, window, x)],
        kernel_shape=list(window.size),
        strides=list(window.strides),
    )
    flat = graph.node("Transpose", [largest], perm=[0, 2, 3, 1])
    shape = graph.node("Concat", [graph.node("Shape", [x], start=0, end=-1), graph.integers(layer.output_size)], axis=0)
    return str(graph.node("Reshape", [flat, shape]))

"""Pooling within maps in ONNX."""

from __future__ import annotations

from ffhw.layers.map_pooling import MapPoolingLayer
from ffhw.onnx.graph import Graph
from ffhw.onnx.maps import seen


def nodes(graph: Graph, layer: MapPoolingLayer, x: str, mask: str) -> str:
    """Output codes ``[batch, time, places * C]``."""
    largest = graph.node("ReduceMax", [seen(graph, layer.window, x, 3), graph.int64([3])], keepdims=0)
    return graph.node("Reshape", [largest, graph.int64([0, 0, layer.output_size])])

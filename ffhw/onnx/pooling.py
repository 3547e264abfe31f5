"""Global pooling in ONNX."""

from __future__ import annotations

from ffhw.layers.pooling import PoolingLayer
from ffhw.onnx.graph import Graph


def nodes(graph: Graph, layer: PoolingLayer, x: str, mask: str) -> str:
    """Output codes ``[batch, 1, D]``; ``mask [batch, time, 1]`` tells which steps count."""
    lowest = graph.constant(layer.input.min)
    if layer.pooling == "max":
        return graph.node("ReduceMax", [graph.node("Where", [mask, x, lowest]), graph.int64([1])], keepdims=1)
    # counted from the smallest code nothing is negative, so that dividing rounds towards zero as it should
    above = graph.node("Where", [mask, graph.node("Sub", [x, lowest]), graph.constant(0)])
    total = graph.node("ReduceSum", [above, graph.int64([1])], keepdims=1)
    n = graph.node("ReduceSum", [graph.node("Cast", [mask], to=graph.tensor_type), graph.int64([1])], keepdims=1)
    # floor((2 sum + n) / (2 n)) = floor((sum + floor(n / 2)) / n)
    half = graph.node("Div", [n, graph.constant(2)])
    mean = graph.node("Div", [graph.node("Add", [total, half]), n])
    return graph.node("Add", [mean, lowest])

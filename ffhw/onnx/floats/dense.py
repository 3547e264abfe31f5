"""Dense layers as products and sums."""

from __future__ import annotations

from ffhw.layers.dense import FloatDense
from ffhw.onnx.floats.graph import FloatGraph


def nodes(graph: FloatGraph, layer: FloatDense, x: str) -> str:
    """Outputs ``[..., N]`` of inputs ``[..., D]``."""
    product = graph.node("MatMul", [x, graph.weights("weights", layer.weights.T)])
    return activated(graph, layer, graph.node("Add", [product, graph.weights("bias", layer.bias)]))


def activated(graph: FloatGraph, layer: FloatDense, v: str) -> str:
    """The layer's activation of its sums, over the last axis."""
    kinds = {"relu": "Relu", "sigmoid": "Sigmoid"}
    if layer.activation == "softmax":
        return str(graph.node("Softmax", [v], axis=-1))
    return str(graph.node(kinds[layer.activation], [v])) if layer.activation in kinds else v

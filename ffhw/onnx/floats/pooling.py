"""Global pooling as reductions over time."""

from __future__ import annotations

from ffhw.layers.pooling import FloatPooling
from ffhw.onnx.floats.graph import FloatGraph


def nodes(graph: FloatGraph, layer: FloatPooling, x: str) -> str:
    """One answer a sequence, ``[batch, D]``."""
    kind = {"average": "ReduceMean", "max": "ReduceMax"}[layer.pooling]
    return str(graph.node(kind, [x, graph.integers(1)], keepdims=0))

"""Reversals in ONNX."""

from __future__ import annotations

from onnx import TensorProto

from ffhw.layers.reversal import ReversalLayer
from ffhw.onnx.graph import Graph


def nodes(graph: Graph, layer: ReversalLayer, x: str, mask: str) -> str:
    """Sequences with their steps in reverse."""
    return backwards(graph, x, mask)


def backwards(graph: Graph, x: str, mask: str) -> str:
    """``x [batch, time, D]`` with the steps of each sequence in reverse; ``mask [batch, time, 1]`` says how many."""
    steps = graph.node("Cast", [mask], to=TensorProto.INT64)
    lengths = graph.node("Squeeze", [graph.node("ReduceSum", [steps, graph.int64([1])]), graph.int64([1, 2])])
    return graph.node("ReverseSequence", [x, lengths], batch_axis=0, time_axis=1)

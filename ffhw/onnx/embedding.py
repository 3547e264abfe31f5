"""Embedding layers in ONNX."""

from __future__ import annotations

from ffhw.layers.embedding import EmbeddingLayer
from ffhw.onnx.graph import Graph


def nodes(graph: Graph, layer: EmbeddingLayer, x: str, mask: str) -> str:
    """Rows of the table, ``[batch, time, D]``."""
    return graph.node("Gather", [graph.constant(layer.table), graph.node("Squeeze", [x, graph.int64([2])])])

"""Embedding layers: rows of a table."""

from __future__ import annotations

from ffhw.layers.embedding import FloatEmbedding
from ffhw.onnx.floats.graph import FloatGraph


def nodes(graph: FloatGraph, layer: FloatEmbedding, x: str) -> str:
    """Rows ``[batch, time, D]`` of tokens ``[batch, time]``."""
    return str(graph.node("Gather", [graph.weights("table", layer.table), x]))

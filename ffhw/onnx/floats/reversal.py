"""Reversals as slices with a step of -1."""

from __future__ import annotations

from ffhw.layers.reversal import FloatReversal
from ffhw.onnx.floats.graph import FloatGraph


def nodes(graph: FloatGraph, layer: FloatReversal, x: str) -> str:
    """Sequences with their steps in reverse."""
    return graph.reversed_steps(x)

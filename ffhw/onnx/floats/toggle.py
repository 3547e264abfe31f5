"""Toggle layers as a function of float ONNX operators."""

from __future__ import annotations

from ffhw.layers.toggle import FloatToggle
from ffhw.onnx.floats.cell import Nodes, flip, function, sigmoids
from ffhw.onnx.floats.graph import FloatGraph


def _step(body: Nodes, sums: list[str], h: str) -> str:
    (toggle,) = sigmoids(body, sums, ["T"])
    return flip(body, toggle, toggle)


FUNCTIONS = (function("Toggle", ["T"], _step),)


def nodes(graph: FloatGraph, layer: FloatToggle, x: str) -> str:
    """h of all steps ``[batch, time, N]`` or of the last one ``[batch, N]``."""
    return graph.cell(FUNCTIONS[0], layer, x)

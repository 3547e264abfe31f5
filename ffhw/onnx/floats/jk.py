"""JK layers as a function of float ONNX operators."""

from __future__ import annotations

from ffhw.layers.jk import FloatJK
from ffhw.onnx.floats.cell import Nodes, flip, function, sigmoids
from ffhw.onnx.floats.graph import FloatGraph


def _step(body: Nodes, sums: list[str], h: str) -> str:
    return flip(body, *sigmoids(body, sums, ["J", "K"]))


FUNCTIONS = (function("JK", ["J", "K"], _step),)


def nodes(graph: FloatGraph, layer: FloatJK, x: str) -> str:
    """h of all steps ``[batch, time, N]`` or of the last one ``[batch, N]``."""
    return graph.cell(FUNCTIONS[0], layer, x)

"""JK layers as functions of float ONNX operators: gates of the sigmoid, and gates that close."""

from __future__ import annotations

from ffhw.layers.jk import FloatJK
from ffhw.onnx.floats.cell import Nodes, Step, flip, function, sigmoids, suffix
from ffhw.onnx.floats.graph import FloatGraph


def _step(closing: bool) -> Step:
    def step(body: Nodes, sums: list[str], h: str) -> str:
        return flip(body, *sigmoids(body, sums, ["J", "K"], closing))

    return step


# by whether gates close
FUNCTIONS = {closing: function(f"JK{suffix(closing)}", ["J", "K"], _step(closing)) for closing in (False, True)}


def nodes(graph: FloatGraph, layer: FloatJK, x: str) -> str:
    """h of all steps ``[batch, time, N]`` or of the last one ``[batch, N]``."""
    return graph.cell(FUNCTIONS[layer.closing], layer, x)

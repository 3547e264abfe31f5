"""Toggle layers as functions of float ONNX operators: a gate of the sigmoid, and one that closes."""

from __future__ import annotations

from ffhw.layers.toggle import FloatToggle
from ffhw.onnx.floats.cell import Nodes, Step, flip, function, sigmoids, suffix
from ffhw.onnx.floats.graph import FloatGraph


def _step(closing: bool) -> Step:
    def step(body: Nodes, sums: list[str], h: str) -> str:
        (toggle,) = sigmoids(body, sums, ["T"], closing)
        return flip(body, toggle, toggle)

    return step


# by whether the gate closes
FUNCTIONS = {closing: function(f"Toggle{suffix(closing)}", ["T"], _step(closing)) for closing in (False, True)}


def nodes(graph: FloatGraph, layer: FloatToggle, x: str) -> str:
    """h of all steps ``[batch, time, N]`` or of the last one ``[batch, N]``."""
    return graph.cell(FUNCTIONS[layer.closing], layer, x)

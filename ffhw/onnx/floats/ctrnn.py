"""CTRNN layers as a function of float ONNX operators; ``alpha`` is one more input."""

from __future__ import annotations

from ffhw.layers.ctrnn import FloatCTRNN
from ffhw.onnx.floats.cell import Nodes, function
from ffhw.onnx.floats.graph import FloatGraph


def _step(body: Nodes, sums: list[str], h: str) -> str:
    # h_t = (1 - alpha) h + alpha tanh(...)
    n = body.add("Tanh", sums, "n")
    rest = body.add("Sub", [body.constant(1.0, "one"), "alpha"], "rest")
    return body.add("Add", [body.add("Mul", [rest, h], "kept"), body.add("Mul", ["alpha", n], "taken")], "new")


FUNCTIONS = (function("CTRNN", ["n"], _step, more=["alpha"]),)


def nodes(graph: FloatGraph, layer: FloatCTRNN, x: str) -> str:
    """h of all steps ``[batch, time, N]`` or of the last one ``[batch, N]``."""
    return graph.cell(FUNCTIONS[0], layer, x, graph.weights("alpha", [layer.alpha]))

"""LSTM units over maps in float ONNX."""

from __future__ import annotations

from ffhw.layers.conv_lstm import FloatConvLSTM
from ffhw.onnx.floats.cell import Nodes, sigmoids
from ffhw.onnx.floats.graph import FloatGraph
from ffhw.onnx.floats.over_maps import scan


def _step(body: Nodes, sums: list[str], state: list[str]) -> list[str]:
    i, f, o = sigmoids(body, [sums[0], sums[1], sums[3]], ["i", "f", "o"])
    g = body.add("Tanh", [sums[2]], "g")
    # c_t = f c + i g, h_t = o tanh(c_t)
    kept = body.add("Mul", [f, state[1]], "kept")
    c = body.add("Add", [kept, body.add("Mul", [i, g], "taken")], "c")
    return [body.add("Mul", [o, body.add("Tanh", [c], "squashed")], "h"), c]


def nodes(graph: FloatGraph, layer: FloatConvLSTM, x: str) -> str:
    """h of all steps ``[batch, time, N]`` or of the last one ``[batch, N]``."""
    return scan(graph, layer, x, _step)

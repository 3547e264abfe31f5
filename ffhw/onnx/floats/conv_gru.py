"""GRU units over maps in float ONNX."""

from __future__ import annotations

from ffhw.layers.conv_gru import FloatConvGRU
from ffhw.onnx.floats.cell import Nodes, sigmoids
from ffhw.onnx.floats.graph import FloatGraph
from ffhw.onnx.floats.over_maps import scan


def _step(body: Nodes, sums: list[str], state: list[str]) -> list[str]:
    z, r = sigmoids(body, sums[:2], ["z", "r"])
    # n = tanh(its input's sum + r times its recurrent one), h_t = z h + (1 - z) n
    reset = body.add("Mul", [r, sums[3]], "reset")
    n = body.add("Tanh", [body.add("Add", [sums[2], reset], "candidate")], "n")
    kept = body.add("Mul", [z, state[0]], "kept")
    rest = body.add("Sub", [body.constant(1.0, "one"), z], "rest")
    return [body.add("Add", [kept, body.add("Mul", [rest, n], "taken")], "h")]


def nodes(graph: FloatGraph, layer: FloatConvGRU, x: str) -> str:
    """h of all steps ``[batch, time, N]`` or of the last one ``[batch, N]``."""
    return scan(graph, layer, x, _step)

"""JK neurons over maps in float ONNX."""

from __future__ import annotations

from ffhw.layers.conv_jk import FloatConvJK
from ffhw.onnx.floats.cell import Nodes, flip, sigmoids
from ffhw.onnx.floats.graph import FloatGraph
from ffhw.onnx.floats.over_maps import scan


def nodes(graph: FloatGraph, layer: FloatConvJK, x: str) -> str:
    """h of all steps ``[batch, time, N]`` or of the last one ``[batch, N]``."""

    def step(body: Nodes, sums: list[str], state: list[str]) -> list[str]:
        j, k = sigmoids(body, sums, ["J", "K"], layer.closing)
        return [flip(body, j, k, state[0])]

    return scan(graph, layer, x, step)

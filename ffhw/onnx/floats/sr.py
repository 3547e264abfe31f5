"""SR layers as functions of float ONNX operators, for each answer to S = R = 1, and for gates that close."""

from __future__ import annotations

import itertools

from ffhw.layers.sr import BOTH, FloatSR
from ffhw.onnx.floats.cell import Nodes, Step, flip, function, sigmoids, suffix
from ffhw.onnx.floats.graph import FloatGraph


def _step(both: str, closing: bool) -> Step:
    def step(body: Nodes, sums: list[str], h: str) -> str:
        s, r = sigmoids(body, sums, ["S", "R_gate"], closing)
        one = body.constant(1.0, "whole")
        # J = S or S (1 - R), K = R or R (1 - S)
        j = s if both == "set" else body.add("Mul", [s, body.add("Sub", [one, r], "not_r")], "J")
        k = r if both == "reset" else body.add("Mul", [r, body.add("Sub", [one, s], "not_s")], "K")
        return flip(body, j, k)

    return step


# by what S = R = 1 does, and whether gates close
FUNCTIONS = {
    (both, closing): function(f"SR_{both}{suffix(closing)}", ["S", "R_gate"], _step(both, closing))
    for both, closing in itertools.product(BOTH, (False, True))
}


def nodes(graph: FloatGraph, layer: FloatSR, x: str) -> str:
    """h of all steps ``[batch, time, N]`` or of the last one ``[batch, N]``."""
    return graph.cell(FUNCTIONS[layer.both, layer.closing], layer, x)

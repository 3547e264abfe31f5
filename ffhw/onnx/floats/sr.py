"""SR layers as functions of float ONNX operators, one for each answer to S = R = 1."""

from __future__ import annotations

from ffhw.layers.sr import BOTH, FloatSR
from ffhw.onnx.floats.cell import Nodes, Step, flip, function, sigmoids
from ffhw.onnx.floats.graph import FloatGraph


def _step(both: str) -> Step:
    def step(body: Nodes, sums: list[str], h: str) -> str:
        s, r = sigmoids(body, sums, ["S", "R_gate"])
        one = body.constant(1.0, "whole")
        # J = S or S (1 - R), K = R or R (1 - S)
        j = s if both == "set" else body.add("Mul", [s, body.add("Sub", [one, r], "not_r")], "J")
        k = r if both == "reset" else body.add("Mul", [r, body.add("Sub", [one, s], "not_s")], "K")
        return flip(body, j, k)

    return step


FUNCTIONS = tuple(function(f"SR_{both}", ["S", "R_gate"], _step(both)) for both in BOTH)


def nodes(graph: FloatGraph, layer: FloatSR, x: str) -> str:
    """h of all steps ``[batch, time, N]`` or of the last one ``[batch, N]``."""
    return graph.cell(FUNCTIONS[BOTH.index(layer.both)], layer, x)

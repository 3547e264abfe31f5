"""CTRNN layers in ONNX."""

from __future__ import annotations

from ffhw.layers.ctrnn import CTRNNLayer
from ffhw.onnx.graph import Graph
from ffhw.onnx.recurrent import gate, scan


def nodes(graph: Graph, layer: CTRNNLayer, x: str, mask: str) -> str:
    """h of all steps ``[batch, time, N]`` or of the last one ``[batch, 1, N]``; ``mask [batch, time, 1]``."""
    bits = layer.state.bits

    def update(body: Graph, sums: list[str], state: list[str]) -> list[str]:
        n = gate(body, layer, 0, sums[0])
        # H' = round((A N + ~A H) / M)
        return [body.interpolate_signed(body.constant(layer.alpha), n, state[0], bits)]

    return scan(graph, layer, x, mask, update)

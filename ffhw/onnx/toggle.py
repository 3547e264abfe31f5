"""Toggle layers in ONNX."""

from __future__ import annotations

from ffhw.layers.toggle import ToggleLayer
from ffhw.onnx.graph import Graph
from ffhw.onnx.recurrent import gate, scan


def nodes(graph: Graph, layer: ToggleLayer, x: str, mask: str) -> str:
    """States of all steps ``[batch, time, N]`` or of the last one ``[batch, 1, N]``; ``mask [batch, time, 1]``."""
    bits, top = layer.state.bits, layer.state.max

    def update(body: Graph, sums: list[str], state: list[str]) -> list[str]:
        toggle = gate(body, layer, 0, sums[0])
        # H' = round((T (M - H) + (M - T) H) / M)
        return [body.interpolate(state[0], body.node("Sub", [body.constant(top), toggle]), toggle, bits)]

    return scan(graph, layer, x, mask, update)

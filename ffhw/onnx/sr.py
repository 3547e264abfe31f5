"""SR layers in ONNX."""

from __future__ import annotations

from ffhw.layers.sr import SRLayer
from ffhw.onnx.graph import Graph
from ffhw.onnx.recurrent import gate, scan


def nodes(graph: Graph, layer: SRLayer, x: str, mask: str) -> str:
    """States of all steps ``[batch, time, N]`` or of the last one ``[batch, 1, N]``; ``mask [batch, time, 1]``."""
    bits, top = layer.state.bits, layer.state.max

    def update(body: Graph, sums: list[str], state: list[str]) -> list[str]:
        s, r = (gate(body, layer, number, acc) for number, acc in enumerate(sums))
        not_s, not_r = (body.node("Sub", [body.constant(top), code]) for code in (s, r))
        # J = S or S (1 - R), K = R or R (1 - S)
        j = s if layer.both == "set" else body.interpolate(not_r, s, None, bits)
        k = r if layer.both == "reset" else body.interpolate(not_s, r, None, bits)
        # H' = round((J (M - H) + (M - K) H) / M)
        return [body.interpolate(state[0], body.node("Sub", [body.constant(top), k]), j, bits)]

    return scan(graph, layer, x, mask, update)

"""GRU layers with the reset before the product in ONNX."""

from __future__ import annotations

from ffhw.layers.gru_reset_before import GRUResetBeforeLayer
from ffhw.onnx.graph import Graph
from ffhw.onnx.recurrent import gate, recurrent, scan


def nodes(graph: Graph, layer: GRUResetBeforeLayer, x: str, mask: str) -> str:
    """h of all steps ``[batch, time, N]`` or of the last one ``[batch, 1, N]``; ``mask [batch, time, 1]``."""
    bits = layer.state.bits

    def update(body: Graph, sums: list[str], state: list[str]) -> list[str]:
        r, z = (gate(body, layer, number, sums[number]) for number in range(2))
        # P = (R H + half) >> b
        scaled = body.node("Mul", [body.weight(r, bits), state[0]])
        passed_on = body.rounded(scaled, bits, 1 << (2 * bits))
        # n = tanh(acc + Un P)
        n = gate(body, layer, 2, body.node("Add", [sums[2], recurrent(body, layer, 2, passed_on)]))
        # H' = round((Z H + ~Z N) / M)
        return [body.interpolate_signed(z, state[0], n, bits)]

    return scan(graph, layer, x, mask, update)

"""GRU layers in ONNX."""

from __future__ import annotations

from ffhw.layers.gru import GRULayer
from ffhw.numbers.tables import Tanh
from ffhw.onnx.graph import Graph
from ffhw.onnx.recurrent import Product, gate, product, scan


def nodes(graph: Graph, layer: GRULayer, x: str, mask: str, product: Product = product) -> str:
    """h of all steps ``[batch, time, N]`` or of the last one ``[batch, 1, N]``; ``mask [batch, time, 1]``."""
    bits = layer.state.bits
    own, again, shift = layer.candidate_shifts

    def update(body: Graph, sums: list[str], state: list[str]) -> list[str]:
        z, r = (gate(body, layer, number, sums[number]) for number in range(2))
        # m = (acc_nh + half) >> s, then n = tanh(acc_nx + R m)
        recurrent = body.rounded(sums[3], layer.recurrent_shift, layer.acc_bound)
        scaled = body.scaled(body.node("Mul", [body.weight(r, bits), recurrent]), again)
        total = body.node("Add", [body.scaled(sums[2], own), scaled])
        n = body.look_up(total, shift, Tanh(bits), layer.candidate_bound)
        # H' = round((Z H + ~Z N) / M)
        return [body.interpolate_signed(z, state[0], n, bits)]

    return scan(graph, layer, x, mask, update, product)

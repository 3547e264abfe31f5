"""JK layers in ONNX."""

from __future__ import annotations

from ffhw.layers.jk import JKLayer
from ffhw.onnx.graph import Graph
from ffhw.onnx.recurrent import Product, gate, product, scan


def nodes(graph: Graph, layer: JKLayer, x: str, mask: str, product: Product = product) -> str:
    """States of all steps ``[batch, time, N]`` or of the last one ``[batch, 1, N]``; ``mask [batch, time, 1]``."""
    bits, top = layer.state.bits, layer.state.max

    def update(body: Graph, sums: list[str], state: list[str]) -> list[str]:
        j, k = (gate(body, layer, number, acc) for number, acc in enumerate(sums))
        # H' = round((J (M - H) + (M - K) H) / M)
        return [body.interpolate(state[0], body.node("Sub", [body.constant(top), k]), j, bits)]

    return scan(graph, layer, x, mask, update, product)

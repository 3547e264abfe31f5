"""LSTM layers in ONNX."""

from __future__ import annotations

from ffhw.layers.lstm import LSTMLayer
from ffhw.numbers.tables import Tanh
from ffhw.onnx.graph import Graph
from ffhw.onnx.recurrent import Product, gate, product, scan


def nodes(graph: Graph, layer: LSTMLayer, x: str, mask: str, product: Product = product) -> str:
    """h of all steps ``[batch, time, N]`` or of the last one ``[batch, 1, N]``; ``mask [batch, time, 1]``."""
    bits = layer.state.bits
    forget, add, back = layer.cell_shifts
    up, down = layer.tanh_shifts

    def update(body: Graph, sums: list[str], state: list[str]) -> list[str]:
        i, f, g, o = (gate(body, layer, number, acc) for number, acc in enumerate(sums))
        # C' = saturate((F C << a) + (I G << d) rounded half up)
        kept = body.scaled(body.node("Mul", [body.weight(f, bits), state[1]]), forget)
        added = body.scaled(body.node("Mul", [body.weight(i, bits), g]), add)
        total = body.rounded(body.node("Add", [kept, added]), back, layer.cell_bound)
        c = body.clip(total, layer.cell.min, layer.cell.max)
        # H' = (O tanh(C') + half) >> b
        squashed = body.look_up(body.scaled(c, up), down, Tanh(bits), layer.cell.magnitude << up)
        opened = body.node("Mul", [body.weight(o, bits), squashed])
        return [body.rounded(opened, bits, 1 << (2 * bits)), c]

    return scan(graph, layer, x, mask, update, product)

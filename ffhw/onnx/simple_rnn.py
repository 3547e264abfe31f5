"""SimpleRNN layers in ONNX."""

from __future__ import annotations

from ffhw.layers.simple_rnn import SimpleRNNLayer
from ffhw.onnx.graph import Graph
from ffhw.onnx.recurrent import gate, scan


def nodes(graph: Graph, layer: SimpleRNNLayer, x: str, mask: str) -> str:
    """h of all steps ``[batch, time, N]`` or of the last one ``[batch, 1, N]``; ``mask [batch, time, 1]``."""

    def update(body: Graph, sums: list[str], state: list[str]) -> list[str]:
        return [gate(body, layer, 0, sums[0])]

    return scan(graph, layer, x, mask, update)

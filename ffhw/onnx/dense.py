"""Dense layers in ONNX."""

from __future__ import annotations

from ffhw.layers.dense import DenseLayer
from ffhw.numbers.formats import Fixed, Unorm
from ffhw.numbers.tables import Sigmoid
from ffhw.onnx.graph import Graph


def nodes(graph: Graph, layer: DenseLayer, x: str, mask: str) -> str:
    """Output codes ``[batch, time, N]``."""
    # acc = W x + bias
    acc = graph.node("MatMul", [x, graph.constant(layer.weights.T << layer.shift_x)])
    acc = graph.node("Add", [acc, graph.constant(layer.bias)])
    return activated(graph, layer, acc)


def activated(graph: Graph, layer: DenseLayer, acc: str) -> str:
    """Output codes of accumulators."""
    if layer.activation == "argmax":
        return graph.node("Cast", [graph.node("ArgMax", [acc], axis=-1, keepdims=1)], to=graph.tensor_type)
    if isinstance(layer.output, Unorm):
        return graph.look_up(acc, layer.result_shift, Sigmoid(layer.output.bits), layer.acc_bound)
    assert isinstance(layer.output, Fixed)
    # output = saturate((acc + half) >> shift)
    half = (1 << layer.result_shift) >> 1
    raised, offset = graph.shift_right(
        graph.node("Add", [acc, graph.constant(half)]), layer.result_shift, layer.acc_bound
    )
    low = 0 if layer.activation == "relu" else layer.output.min
    code = graph.clip(raised, low + offset, layer.output.max + offset)
    return graph.node("Sub", [code, graph.constant(offset)])

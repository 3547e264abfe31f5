"""Convolutions over time, rows and columns in ONNX: one product for each step of the window."""

from __future__ import annotations

from ffhw.layers.convolution_3d import Convolution3DLayer, shares
from ffhw.onnx.dense import activated
from ffhw.onnx.graph import LAST, Graph
from ffhw.onnx.maps import convolved


def nodes(graph: Graph, layer: Convolution3DLayer, x: str, mask: str) -> str:
    """Output codes ``[batch, time, places * F]``; ``mask [batch, time, 1]`` tells which steps there are."""
    real = graph.node("Cast", [mask], to=graph.tensor_type)
    steps = _padded(graph, layer, graph.node("Mul", [x, real]), layer.input_size)
    there = _padded(graph, layer, real, 1)
    parts = []
    for tap, weights in enumerate(shares(layer.weights << layer.shift_x, layer.steps)):
        # W_k * x_{t - lead + k} + b_k
        parts.append(convolved(graph, layer.window, _from(graph, layer, steps, tap), weights, 3))
        if tap == layer.lead:
            parts.append(graph.constant(layer.bias[tap]))
        elif layer.bias[tap].any():
            parts.append(graph.node("Mul", [_from(graph, layer, there, tap), graph.constant(layer.bias[tap])]))
    acc = parts[0]
    for part in parts[1:]:
        acc = graph.node("Add", [acc, part])
    return activated(graph, layer, acc)


def _padded(graph: Graph, layer: Convolution3DLayer, x: str, size: int) -> str:
    """Sequences ``[batch, time, size]`` between as many steps of zeros as a window can reach beyond them."""
    batch = graph.node("Shape", [x], start=0, end=1)
    around = [x]
    for place, count in ((0, layer.lead), (2, layer.steps - 1 - layer.lead)):
        if count:
            shape = graph.node("Concat", [batch, graph.int64([count, size])], axis=0)
            around.insert(place, graph.node("Expand", [graph.constant(0), shape]))
    return graph.node("Concat", around, axis=1) if len(around) > 1 else x


def _from(graph: Graph, layer: Convolution3DLayer, x: str, tap: int) -> str:
    """What is ``tap`` steps behind the first step of each window."""
    if layer.steps == 1:
        return x
    end = tap - (layer.steps - 1) or LAST
    return graph.node("Slice", [x, *(graph.int64([n]) for n in (tap, end, 1, 1))])

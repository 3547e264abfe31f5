"""Convolutions over time, rows and columns as Conv operators of three axes."""

from __future__ import annotations

import numpy as np

from ffhw.layers.convolution_3d import FloatConvolution3D
from ffhw.onnx.floats.dense import activated
from ffhw.onnx.floats.graph import FloatGraph
from ffhw.onnx.floats.over_maps import by_place, placing


def nodes(graph: FloatGraph, layer: FloatConvolution3D, x: str) -> str:
    """Outputs ``[batch, time, places * F]``."""
    window, steps = layer.window, layer.steps
    behind = steps - 1 - layer.lead
    shape = graph.integers(0, 0, window.rows, window.columns, window.channels)
    maps = graph.node("Transpose", [graph.node("Reshape", [x, shape])], perm=[0, 4, 1, 2, 3])
    kernel = layer.weights.reshape(-1, steps, *window.size, window.channels).transpose(0, 4, 1, 2, 3)
    around = placing(window)
    sums = graph.node(
        "Conv",
        [maps, graph.weights("kernel", kernel)],
        kernel_shape=[steps, *around["kernel_shape"]],
        strides=[1, *around["strides"]],
        dilations=[1, *around["dilations"]],
        pads=[layer.lead, *window.before, behind, *window.after],
    )
    sums = graph.node("Add", [graph.node("Transpose", [sums], perm=[0, 2, 1, 3, 4]), _biases(graph, layer, x)])
    flat = graph.node("Transpose", [sums], perm=[0, 1, 3, 4, 2])
    return activated(graph, layer, graph.node("Reshape", [flat, graph.integers(0, 0, layer.output_size)]))


def _biases(graph: FloatGraph, layer: FloatConvolution3D, x: str) -> str:
    """Biases at each step, ``[1, time or 1, F, rows, columns]``: of the steps of its window that there are."""
    own = by_place(layer.window, layer.bias).reshape(layer.steps, -1, *layer.window.places)
    others = [tap for tap in range(layer.steps) if tap != layer.lead and layer.bias[tap].any()]
    total = graph.weights("bias", own[layer.lead][None, None])
    if not others:
        return total
    time = graph.node("Squeeze", [graph.node("Shape", [x], start=1, end=2)])
    first, one = (graph.scalar(number) for number in (0, 1))
    steps = graph.node("Range", [first, time, one])
    for tap in others:
        # whether step t + tap - lead is one of the sequence's
        seen = graph.node("Add", [steps, graph.scalar(tap - layer.lead)])
        inside = graph.node("Less", [seen, time]) if tap > layer.lead else graph.node("GreaterOrEqual", [seen, first])
        there = graph.node("Reshape", [graph.node("Cast", [inside], to=1), graph.integers(1, -1, 1, 1, 1)])
        bias = graph.weights("bias", np.asarray(own[tap][None, None]))
        total = graph.node("Add", [total, graph.node("Mul", [there, bias])])
    return total

"""What a window over maps sees, in ONNX: pixels gathered side by side, and one product for all places.

The operators for convolutions take floats, or numbers of eight bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ffhw.layers.maps import Window
from ffhw.layers.over_maps import OverMaps
from ffhw.onnx.graph import Graph


def seen(graph: Graph, window: Window, x: str, axes: int) -> str:
    """``[..., places, taps, channels]`` of ``x [..., elements]``, which has so many axes; zero outside of the maps."""
    kept = [0] * (axes - 1)
    pixels = graph.node("Reshape", [x, graph.int64([*kept, window.pixels, window.channels])])
    inside = window.sources < window.pixels
    found = graph.node("Gather", [pixels, graph.int64(np.where(inside, window.sources, 0))], axis=axes - 1)
    return found if inside.all() else graph.node("Mul", [found, graph.constant(inside[..., None])])


def convolved(graph: Graph, window: Window, x: str, weights: Any, axes: int) -> str:
    """``[..., gates * places * F]`` of ``x [..., elements]`` and ``weights [gates, F, taps * channels]``."""
    gates, filters, wide = weights.shape
    places, kept = window.positions, [0] * (axes - 1)
    flat = graph.node("Reshape", [seen(graph, window, x, axes), graph.int64([*kept, places, wide])])
    sums = graph.node("MatMul", [flat, graph.constant(weights.reshape(gates * filters, wide).T)])
    if gates > 1:
        apart = graph.node("Reshape", [sums, graph.int64([*kept, places * gates, filters])])
        # of all places the first gate, then the next one
        order = np.arange(places * gates).reshape(places, gates).T.reshape(-1)
        sums = graph.node("Gather", [apart, graph.int64(order)], axis=axes - 1)
    return graph.node("Reshape", [sums, graph.int64([*kept, gates * places * filters])])


def product(graph: Graph, layer: OverMaps, vector: str, weights: Any, of_inputs: bool) -> str:
    """As :data:`ffhw.onnx.recurrent.Product`: all places share the weights."""
    if of_inputs:
        return convolved(graph, layer.window, vector, weights, 3)
    return convolved(graph, layer.window.over(layer.filters), vector, weights, 2)

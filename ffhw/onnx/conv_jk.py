"""JK units over maps in ONNX."""

from __future__ import annotations

from ffhw.layers.conv_jk import ConvJKLayer
from ffhw.onnx import jk
from ffhw.onnx.graph import Graph
from ffhw.onnx.maps import product


def nodes(graph: Graph, layer: ConvJKLayer, x: str, mask: str) -> str:
    """h of all steps ``[batch, time, N]`` or of the last one ``[batch, 1, N]``; ``mask [batch, time, 1]``."""
    return jk.nodes(graph, layer, x, mask, product)

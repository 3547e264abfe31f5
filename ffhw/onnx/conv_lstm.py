"""LSTM units over maps in ONNX."""

from __future__ import annotations

from ffhw.layers.conv_lstm import ConvLSTMLayer
from ffhw.onnx import lstm
from ffhw.onnx.graph import Graph
from ffhw.onnx.maps import product


def nodes(graph: Graph, layer: ConvLSTMLayer, x: str, mask: str) -> str:
    """h of all steps ``[batch, time, N]`` or of the last one ``[batch, 1, N]``; ``mask [batch, time, 1]``."""
    return lstm.nodes(graph, layer, x, mask, product)

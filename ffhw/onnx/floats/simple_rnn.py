"""SimpleRNN layers as RNN operators."""

from __future__ import annotations

import numpy as np

from ffhw.layers.simple_rnn import FloatSimpleRNN
from ffhw.onnx.floats.graph import FloatGraph, Side

OPERATOR = "RNN"


def side(layer: FloatSimpleRNN) -> Side:
    """Weights of one direction."""
    return layer.weights_x[0], layer.weights_h[0], np.concatenate([layer.bias[0], np.zeros(layer.units)])


def nodes(graph: FloatGraph, layer: FloatSimpleRNN, x: str) -> str:
    """h of all steps ``[batch, time, N]`` or of the last one ``[batch, N]``."""
    return graph.recurrent(OPERATOR, [side(layer)], x, not layer.return_sequences)[0]

"""LSTM layers as LSTM operators."""

from __future__ import annotations

import numpy as np

from ffhw.layers.lstm import FloatLSTM
from ffhw.onnx.floats.graph import FloatGraph, Side

OPERATOR = "LSTM"
# i o f c of i f g o
_ORDER = [0, 3, 1, 2]


def side(layer: FloatLSTM) -> Side:
    """Weights of one direction."""
    w, r, b = (array[_ORDER].reshape(4 * layer.units, -1) for array in (layer.weights_x, layer.weights_h, layer.bias))
    return w, r, np.concatenate([b[:, 0], np.zeros(len(b))])


def nodes(graph: FloatGraph, layer: FloatLSTM, x: str) -> str:
    """h of all steps ``[batch, time, N]`` or of the last one ``[batch, N]``."""
    return graph.recurrent(OPERATOR, [side(layer)], x, not layer.return_sequences)[0]

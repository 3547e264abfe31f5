"""GRU layers as GRU operators that reset before the product."""

from __future__ import annotations

import numpy as np

from ffhw.layers.gru_reset_before import FloatGRUResetBefore
from ffhw.onnx.floats.graph import FloatGraph, Side

OPERATOR = "GRU"
# z r h of r z n
_ORDER = [1, 0, 2]


def side(layer: FloatGRUResetBefore) -> Side:
    """Weights of one direction."""
    w, r = (array[_ORDER].reshape(3 * layer.units, -1) for array in (layer.weights_x, layer.weights_h))
    return w, r, np.concatenate([layer.bias[_ORDER].reshape(-1), np.zeros(3 * layer.units)])


def nodes(graph: FloatGraph, layer: FloatGRUResetBefore, x: str) -> str:
    """h of all steps ``[batch, time, N]`` or of the last one ``[batch, N]``."""
    return graph.recurrent(OPERATOR, [side(layer)], x, not layer.return_sequences)[0]

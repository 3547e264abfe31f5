"""GRU layers as GRU operators that reset behind the product."""

from __future__ import annotations

import numpy as np

from ffhw.layers.gru import FloatGRU
from ffhw.onnx.floats.graph import FloatGraph, Side

OPERATOR = "GRU"
ATTRIBUTES = {"linear_before_reset": 1}


def side(layer: FloatGRU) -> Side:
    """Weights of one direction."""
    w, r = (array.reshape(3 * layer.units, -1) for array in (layer.weights_x, layer.weights_h))
    z, reset, candidate, recurrent = layer.bias
    zero = np.zeros_like(z)
    return w, r, np.concatenate([z, reset, candidate, zero, zero, recurrent])


def nodes(graph: FloatGraph, layer: FloatGRU, x: str) -> str:
    """h of all steps ``[batch, time, N]`` or of the last one ``[batch, N]``."""
    return graph.recurrent(OPERATOR, [side(layer)], x, not layer.return_sequences, **ATTRIBUTES)[0]

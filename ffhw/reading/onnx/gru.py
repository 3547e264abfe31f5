"""GRU operators; those whose reset comes before the product are another kind of layer."""

from __future__ import annotations

import numpy as np

from ffhw.layers.gru import FloatGRU
from ffhw.reading.onnx import gru_reset_before
from ffhw.reading.onnx.recurrent import recurrent
from ffhw.reading.onnx.values import Value
from ffhw.reading.onnx.walk import Operator, Walk


def gru(walk: Walk, operator: Operator, *inputs: Value | None) -> list[Value]:
    """GRU, its reset gate before the product or behind it."""
    operator.expect(linear_before_reset=(0, 1))
    build = _layer if operator.attributes.get("linear_before_reset", 0) else gru_reset_before.layer
    return recurrent(walk, operator, 3, ["sigmoid", "tanh"], build, inputs)


def _layer(name: str, w: np.ndarray, r: np.ndarray, b: np.ndarray) -> FloatGRU:
    # z r n as in ONNX; the reset gate scales a sum that has a bias of its own
    bias = np.stack([b[0, 0] + b[1, 0], b[0, 1] + b[1, 1], b[0, 2], b[1, 2]])
    return FloatGRU(name, w, r, bias, True)


OPERATORS = {"GRU": gru}

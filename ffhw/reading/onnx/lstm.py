"""LSTM operators."""

from __future__ import annotations

import numpy as np

from ffhw.layers.lstm import FloatLSTM
from ffhw.reading.onnx.recurrent import recurrent
from ffhw.reading.onnx.values import Value, are_zeros
from ffhw.reading.onnx.walk import Operator, Walk


def lstm(walk: Walk, operator: Operator, *inputs: Value | None) -> list[Value]:
    """LSTM without peepholes, its activations the usual ones."""
    operator.expect(input_forget=0)
    if len(inputs) > 7 and not are_zeros(inputs[7]):
        raise operator.refuse("has peepholes, which have no hardware")
    return recurrent(walk, operator, 4, ["sigmoid", "tanh", "tanh"], _layer, inputs)


def _layer(name: str, w: np.ndarray, r: np.ndarray, b: np.ndarray) -> FloatLSTM:
    order = [0, 2, 3, 1]  # i f g o of i o f c
    return FloatLSTM(name, w[order], r[order], b.sum(axis=0)[order], True)


OPERATORS = {"LSTM": lstm}

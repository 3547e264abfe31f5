"""RNN operators, with tanh."""

from __future__ import annotations

import numpy as np

from ffhw.layers.simple_rnn import FloatSimpleRNN
from ffhw.reading.onnx.recurrent import recurrent
from ffhw.reading.onnx.values import Value
from ffhw.reading.onnx.walk import Operator, Walk


def rnn(walk: Walk, operator: Operator, *inputs: Value | None) -> list[Value]:
    """RNN with tanh."""
    return recurrent(walk, operator, 1, ["tanh"], _layer, inputs)


def _layer(name: str, w: np.ndarray, r: np.ndarray, b: np.ndarray) -> FloatSimpleRNN:
    return FloatSimpleRNN(name, w, r, b.sum(axis=0), True)


OPERATORS = {"RNN": rnn}

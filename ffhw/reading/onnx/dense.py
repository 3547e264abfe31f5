"""MatMul and Gemm: dense layers."""

from __future__ import annotations

import numpy as np

from ffhw.layers.dense import FloatDense
from ffhw.reading.onnx.values import FEATURES, Value
from ffhw.reading.onnx.walk import Operator, Walk, numbers


def _dense(walk: Walk, operator: Operator, x: Value, weights: np.ndarray, bias: np.ndarray) -> list[Value]:
    flow = walk.take(operator, x)
    if flow.axes[-1] != FEATURES or weights.ndim != 2 or weights.shape[1] != flow.size:
        raise operator.refuse(f"multiplies {list(flow.shape)} with weights of shape {list(weights.T.shape)}")
    n = len(weights)
    layer = FloatDense(walk.name(operator), weights, np.broadcast_to(bias, n).astype(np.float64), "linear")
    return [walk.add(flow, layer, size=n)]


def matmul(walk: Walk, operator: Operator, x: Value, w: Value) -> list[Value]:
    """A dense layer without bias."""
    return _dense(walk, operator, x, numbers(operator, w, "weights").T, np.zeros(1))


def gemm(walk: Walk, operator: Operator, x: Value, w: Value, b: Value | None = None) -> list[Value]:
    """A dense layer."""
    operator.expect(alpha=1.0, beta=1.0, transA=0, transB=(0, 1))
    weights = numbers(operator, w, "weights")
    bias = np.zeros(1) if b is None else numbers(operator, b, "its bias")
    if bias.size not in (1, weights.shape[0 if operator.attributes.get("transB") else -1]):
        raise operator.refuse(f"has a bias of shape {list(bias.shape)}")
    transposed = weights if operator.attributes.get("transB") else weights.T
    return _dense(walk, operator, x, transposed, bias.reshape(-1))


OPERATORS = {"Gemm": gemm, "MatMul": matmul}

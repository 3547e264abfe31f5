"""Operators that join the layer beside them: activations, scales, shifts; and what merges two directions."""

from __future__ import annotations

import numpy as np

from ffhw.layers.description import Activation, Affine
from ffhw.reading.onnx.bidirectional import merged
from ffhw.reading.onnx.values import FEATURES, Flow, Rule, Value
from ffhw.reading.onnx.walk import Operator, Walk, numbers


def activation(name: str) -> Rule:
    """An activation that joins the layer before it."""

    def rule(walk: Walk, operator: Operator, x: Value) -> list[Value]:
        flow = walk.take(operator, x)
        if name == "softmax":
            axis = operator.attributes.get("axis", -1 if operator.opset >= 13 else 1)
            if flow.axes[flow.axis(axis)] != FEATURES:
                raise operator.refuse("must go over the elements of a step")
        return [walk.add(flow, Activation(walk.name(operator), name))]

    return rule


def arithmetic(kind: str) -> Rule:
    """A constant that scales or shifts each element; or the two directions of a bidirectional layer, merged."""

    def rule(walk: Walk, operator: Operator, a: Value, b: Value) -> list[Value]:
        if isinstance(a, Flow) and isinstance(b, Flow):
            return [merged(walk, operator, {"Add": "sum", "Mul": "mul"}.get(kind, ""), a, b)]
        swapped = isinstance(b, Flow)
        flow = walk.take(operator, b if swapped else a)
        value = numbers(operator, a if swapped else b, "its other operand")
        wanted = value.size == 1 or (flow.axes[-1] == FEATURES and value.shape[-1:] == (flow.size,) == (value.size,))
        if not wanted or value.ndim > len(flow.axes):
            raise operator.refuse(f"needs one number, or one for each of {flow.size} elements, not {list(value.shape)}")
        v = np.broadcast_to(value.reshape(-1), flow.size).astype(np.float64)
        one, zero = np.ones(flow.size), np.zeros(flow.size)
        if kind == "Div" and (swapped or not v.all()):
            raise operator.refuse("must divide by a constant other than 0")
        scale, offset = {
            "Add": (one, v),
            "Sub": (-one, v) if swapped else (one, -v),
            "Mul": (v, zero),
            "Div": (1 / v if kind == "Div" else one, zero),
        }[kind]
        return [walk.add(flow, Affine(walk.name(operator), scale, offset))]

    return rule


OPERATORS = {
    "Add": arithmetic("Add"),
    "Div": arithmetic("Div"),
    "Mul": arithmetic("Mul"),
    "Relu": activation("relu"),
    "Sigmoid": activation("sigmoid"),
    "Softmax": activation("softmax"),
    "Sub": arithmetic("Sub"),
}

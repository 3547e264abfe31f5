"""Operators that join the layer beside them: activations, scales, shifts; and what merges two directions."""

from __future__ import annotations

import numpy as np

from ffhw.layers.description import Activation, Affine
from ffhw.reading.onnx.bidirectional import merged
from ffhw.reading.onnx.values import FEATURES, Flow, Rule, Sizes, Value, sizes_of
from ffhw.reading.onnx.walk import Operator, Walk, numbers

LOGARITHMS = "log_softmax at the output is taken as softmax: answers are probabilities, in the same order"


def activation(name: str, note: str = "") -> Rule:
    """An activation that joins the layer before it; ``note``: what a user should be told of it."""

    def rule(walk: Walk, operator: Operator, x: Value) -> list[Value]:
        flow = walk.take(operator, x)
        if name == "softmax":
            axis = operator.attributes.get("axis", -1 if operator.opset >= 13 else 1)
            if flow.axes[flow.axis(axis)] != FEATURES:
                raise operator.refuse("must go over the elements of a step")
        walk.notes += [note] if note else []
        return [walk.add(flow, Activation(walk.name(operator), name))]

    return rule


def arithmetic(kind: str) -> Rule:
    """A constant that scales or shifts each element; or the two directions of a bidirectional layer, merged."""

    def rule(walk: Walk, operator: Operator, a: Value, b: Value) -> list[Value]:
        if kind == "Mul" and (isinstance(a, Sizes) or isinstance(b, Sizes)):
            return [_sizes_multiplied(operator, sizes_of(a), sizes_of(b))]
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


def normalization(
    walk: Walk, operator: Operator, x: Value, scale: Value, offset: Value, mean: Value, variance: Value
) -> list[Value]:
    """A batch normalization as it is once training is over: a scale and a shift of each element."""
    operator.expect(training_mode=0)
    flow = walk.take(operator, x)
    given = [numbers(operator, v, "its statistics") for v in (scale, offset, mean, variance)]
    if flow.axes[1:2] != (FEATURES,) or any(v.shape != (flow.size,) for v in given):
        raise operator.refuse(f"must normalize the {flow.size} elements of a step, in axis 1")
    gain, shift, centre, spread = given
    gain = gain / np.sqrt(spread + operator.attributes.get("epsilon", 1e-5))
    if not np.isfinite(gain).all():
        raise operator.refuse("has a variance that is not positive")
    return [walk.add(flow, Affine(walk.name(operator), gain, shift - gain * centre))]


def _sizes_multiplied(operator: Operator, a: tuple[int | str, ...] | None, b: tuple[int | str, ...] | None) -> Sizes:
    """Sizes of axes that are laid out flat."""
    if a is None or b is None or len(a) != len(b):
        raise operator.refuse("multiplies sizes with what are none")
    return Sizes(tuple(_size_multiplied(m, n) for m, n in zip(a, b, strict=True)))


def _size_multiplied(m: int | str, n: int | str) -> int | str:
    if isinstance(m, int) and isinstance(n, int):
        return m * n
    if 1 in (m, n):
        return n if m == 1 else m
    # letters of two axes laid out flat; whatever else this is fits no axis
    return f"{m}{n}"


OPERATORS = {
    "Add": arithmetic("Add"),
    "BatchNormalization": normalization,
    "Div": arithmetic("Div"),
    "LogSoftmax": activation("softmax", LOGARITHMS),
    "Mul": arithmetic("Mul"),
    "Relu": activation("relu"),
    "Sigmoid": activation("sigmoid"),
    "Softmax": activation("softmax"),
    "Sub": arithmetic("Sub"),
}

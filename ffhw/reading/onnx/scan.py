"""Scan: a flip-flop cell, where its body is the one that ffhw writes for such a cell, whatever its names are.

The gates' inputs come from a dense layer in front of the Scan, which is what the cell's input weights are.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from ffhw.layers import KINDS
from ffhw.layers.base import FloatLayer
from ffhw.layers.description import Affine
from ffhw.layers.float_recurrent import FloatRecurrent
from ffhw.reading.onnx.values import BATCH, FEATURES, TIME, Flow, Value
from ffhw.reading.onnx.walk import Operator, Walk

# From name, W [gates N, D], R [gates N, N] and B [gates N] to a layer.
Build = Callable[[str, np.ndarray, np.ndarray, np.ndarray], FloatRecurrent]
Form = tuple[Any, ...]


def scan(walk: Walk, operator: Operator, start: Value, driven: Value, *rest: Value) -> list[Value]:
    """Final states ``[batch, N]`` and those of all steps ``[time, batch, N]``."""
    ordinary = {"body", "num_scan_inputs"}
    if rest or operator.attributes.get("num_scan_inputs") != 1 or set(operator.attributes) - ordinary:
        raise operator.refuse("is no recurrent cell that is understood")
    form, outer = form_of(operator.attributes["body"])
    build = _cells().get(form)
    if build is None or len(outer) != 1:
        raise operator.refuse("is no recurrent cell that is understood: its body is not one that ffhw writes")
    flow = walk.take(operator, driven)
    recurrent = operator.constants.get(outer[0])
    if flow.axes != (TIME, BATCH, FEATURES) or recurrent is None or recurrent.ndim != 2:
        raise operator.refuse("must take [time, batch, gates], and recurrent weights as a constant")
    n, wide = recurrent.shape
    if wide != flow.size or wide % n:
        raise operator.refuse(f"has recurrent weights of shape {list(recurrent.shape)} for {flow.size} gates")
    weights, bias = _front(walk, operator, wide)
    name = walk.name(operator)
    walk.start(operator, name, [start])
    layer = build(name, weights, recurrent.T, bias)
    flow = walk.add(flow, layer, size=n)
    return [Flow((BATCH, FEATURES), n, flow.made, final=0, fixed=flow.fixed), flow]


def _front(walk: Walk, operator: Operator, wide: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights and bias of the linear dense layer in front, which is taken out of the chain."""
    scale, offset = np.ones(wide), np.zeros(wide)
    while walk.parts and isinstance(walk.parts[-1], Affine):
        part = walk.parts.pop()
        assert isinstance(part, Affine)
        # s (s0 v + o0) + o
        scale, offset = scale * part.scale, offset + scale * part.offset
    dense = walk.parts.pop() if walk.parts else None
    if not isinstance(dense, FloatLayer) or getattr(dense, "activation", None) != "linear":
        raise operator.refuse("must stand behind a product with the input weights")
    inputs = dense.input_size
    # a linear layer is what it makes of zero and of each unit vector
    given = dense.forward(np.concatenate([np.zeros((1, inputs)), np.eye(inputs)])[:, None], np.ones(inputs + 1, int))
    zero, units = given[0, 0], given[1:, 0]
    return ((units - zero) * scale).T, zero * scale + offset


def form_of(body: onnx.GraphProto) -> tuple[Form, list[str]]:
    """A graph without its names, and the names that it takes from outside, in order."""
    known: dict[str, Any] = {info.name: ("given", place) for place, info in enumerate(body.input)}
    known |= {tensor.name: _number(tensor) for tensor in body.initializer}
    outer: list[str] = []
    nodes: list[Any] = []
    for node in body.node:
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        if node.op_type == "Constant" and set(attributes) == {"value"}:
            known[node.output[0]] = _number(attributes["value"])
            continue
        inputs = []
        for name in node.input:
            if name not in known:
                outer.append(name)
                known[name] = ("outer", len(outer) - 1)
            inputs.append(known[name])
        if node.op_type == "Identity":
            known[node.output[0]] = inputs[0]
            continue
        nodes.append((node.domain, node.op_type, tuple(inputs), repr(sorted(attributes.items()))))
        known |= {name: ("node", len(nodes) - 1, place) for place, name in enumerate(node.output)}
    return (tuple(nodes), tuple(known.get(info.name) for info in body.output)), outer


def _number(tensor: onnx.TensorProto) -> Form:
    array = numpy_helper.to_array(tensor) if len(tensor.dims) <= 1 else np.zeros(0)
    return ("number", *(float(v) for v in array.reshape(-1)[:2]))


@functools.cache
def _cells() -> dict[Form, Build]:
    """What each cell that ffhw writes becomes, by the form of its body."""
    found: dict[Form, Build] = {}
    for kind in KINDS:
        module = f"ffhw.reading.onnx.{kind}"
        if importlib.util.find_spec(module) is not None:
            for function, build in getattr(importlib.import_module(module), "CELLS", ()):
                loop = next(node for node in function.node if node.op_type == "Scan")
                body = next(attribute.g for attribute in loop.attribute if attribute.name == "body")
                found[form_of(body)[0]] = build
    return found


def gates(count: int, w: np.ndarray, r: np.ndarray, b: np.ndarray) -> dict[str, Any]:
    """What every flip-flop layer is made of, from its gates one below the other."""
    n = r.shape[1]
    weights_h = r.reshape(count, n, n)
    # gates that see the inputs only were written with zeros
    weights_h = weights_h if weights_h.any() else np.zeros((count, n, 0))
    return {
        "weights_x": w.reshape(count, n, -1),
        "weights_h": weights_h,
        "bias": b.reshape(count, n),
        "return_sequences": True,
    }


OPERATORS = {"Scan": scan}

"""Recurrent cells that ONNX has no operator for, as functions: named, so that a graph reads well; inlined by runtimes.

    Y, Y_h = CELL(X, W, R, B)        X [batch, time, D], W [gates N, D], R [gates N, N], B [gates N]
                                     Y [batch, time, N], Y_h [batch, N]

What the inputs add to the gates is one product for all steps; a Scan over time does the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ffhw.numbers.tables import STRETCH

DOMAIN = "ffhw"
FLOAT_OPSET = 18


class Nodes:
    """Nodes under construction, in the main graph, in a function or in the body of a Scan."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []

    def add(self, kind: str, inputs: list[str], outputs: list[str] | str, **attributes: Any) -> str:
        """Append a node; the name of its first output."""
        names = [outputs] if isinstance(outputs, str) else outputs
        self.nodes.append(helper.make_node(kind, inputs, names, **attributes))
        return names[0]

    def constant(self, value: float, output: str) -> str:
        """One number."""
        return self.add("Constant", [], output, value=numpy_helper.from_array(np.array(value, np.float32)))


# From the body's nodes, the names of the gates' sums and of h to the name of the new h.
Step = Callable[[Nodes, list[str], str], str]


def function(name: str, gates: list[str], step: Step, more: Sequence[str] = ()) -> onnx.FunctionProto:
    """The function of a cell with these gates; ``more``: further inputs, which each step takes."""
    body = Nodes()
    body.add("MatMul", ["h", "R_t"], "again")
    # what all gates are looked up by: W x + B + R h
    body.add("Add", ["driven", "again"], "sums")
    sums = [f"{gate}_sum" for gate in gates]
    if len(gates) > 1:
        body.add("Split", ["sums"], sums, axis=-1, num_outputs=len(gates))
    else:
        body.add("Identity", ["sums"], sums)
    body.add("Identity", [step(body, sums, "h")], "h_next")
    body.add("Identity", ["h_next"], "y")
    info = helper.make_tensor_value_info
    scan = helper.make_graph(
        body.nodes,
        f"{name}_step",
        [info(given, TensorProto.FLOAT, None) for given in ("h", "driven")],
        [info(given, TensorProto.FLOAT, None) for given in ("h_next", "y")],
    )
    whole = Nodes()
    whole.add("Transpose", ["X"], "X_t", perm=[1, 0, 2])
    whole.add("Transpose", ["W"], "W_t", perm=[1, 0])
    whole.add("Transpose", ["R"], "R_t", perm=[1, 0])
    whole.add("MatMul", ["X_t", "W_t"], "product")
    whole.add("Add", ["product", "B"], "steps")
    whole.add("Shape", ["X"], "batch", start=0, end=1)
    whole.add("Shape", ["R"], "units", start=1, end=2)
    whole.add("Concat", ["batch", "units"], "sizes", axis=0)
    whole.add("ConstantOfShape", ["sizes"], "start")
    whole.add("Scan", ["start", "steps"], ["Y_h", "every"], body=scan, num_scan_inputs=1)
    whole.add("Transpose", ["every"], "Y", perm=[1, 0, 2])
    opset = [helper.make_opsetid("", FLOAT_OPSET)]
    return helper.make_function(DOMAIN, name, ["X", "W", "R", "B", *more], ["Y", "Y_h"], whole.nodes, opset)


def flip(body: Nodes, j: str, k: str, h: str = "h") -> str:
    """``h_t = J (1 - h) + (1 - K) h``."""
    one = body.constant(1.0, "one")
    rises = body.add("Mul", [j, body.add("Sub", [one, h], "not_h")], "set")
    stays = body.add("Mul", [body.add("Sub", [one, k], "not_k"), h], "held")
    return body.add("Add", [rises, stays], "new")


def sigmoids(body: Nodes, sums: list[str], names: list[str], closing: bool = False) -> list[str]:
    """The gates, by name; ``closing``: ``clip((1 + 2 c) sigmoid(v) - c, 0, 1)``."""
    if not closing:
        return [body.add("Sigmoid", [acc], name) for acc, name in zip(sums, names, strict=True)]
    width, past = body.constant(1.0 + 2.0 * STRETCH, "width"), body.constant(STRETCH, "past")
    low, high = body.constant(0.0, "closed"), body.constant(1.0, "open")
    gates = []
    for acc, name in zip(sums, names, strict=True):
        wide = body.add("Mul", [body.add("Sigmoid", [acc], f"{name}_smooth"), width], f"{name}_wide")
        gates.append(body.add("Clip", [body.add("Sub", [wide, past], f"{name}_stretched"), low, high], name))
    return gates


def suffix(closing: bool) -> str:
    """Of the name of a flip-flop's function."""
    return "_closing" if closing else ""

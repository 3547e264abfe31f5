"""Float ONNX graphs as other exporters write them, made by hand: the same operators in the same order, random weights.

PyTorch's exporter (``nn.LSTM`` and its like): the batch is moved behind time; initial states are zeros whose size comes
from the input's shape; both directions are brought together by Transpose and Reshape. tf2onnx (Keras): one direction
is squeezed away, both are split and joined. The order of gates and the two biases are those of each exporter's source.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


class Exported:
    """A graph under construction."""

    def __init__(self, seed: int, opset: int = 17) -> None:
        self.rng = np.random.default_rng(seed)
        self.opset = opset
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.count = 0

    def node(self, kind: str, inputs: list[str], outputs: int = 1, **attributes: Any) -> Any:
        self.count += 1
        names = [f"/{kind.lower()}_{self.count}_out{n}" for n in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, name=f"/{kind.lower()}_{self.count}", **attributes))
        return names[0] if outputs == 1 else names

    def constant(self, *values: int, scalar: bool = False) -> str:
        """As PyTorch writes a constant: a node."""
        array = np.array(values[0] if scalar else values, np.int64)
        return self.node("Constant", [], value=numpy_helper.from_array(array))

    def weight(self, *shape: int, scale: float = 0.7) -> str:
        self.count += 1
        name = f"onnx::w_{self.count}"
        values = self.rng.normal(0, scale, shape).astype(np.float32)
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def recurrent(
        self, kind: str, x: str, size: int, units: int, both: bool = False, state: bool = True, **attributes: Any
    ) -> tuple[str, str]:
        """Y and Y_h of a recurrent operator over ``x [time, batch, size]``, its states zeros made of x's shape."""
        sides, rows = 1 + both, GATES[kind] * units
        w, r, b = (
            self.weight(sides, rows, size), self.weight(sides, rows, units), self.weight(sides, 2 * rows),
        )  # fmt: skip
        zero = []
        if state:
            batch = self.node("Gather", [self.node("Shape", [x]), self.constant(1, scalar=True)], axis=0)
            batch = self.node("Unsqueeze", [batch, self.constant(0)])
            shape = self.node("Concat", [self.constant(sides), batch, self.constant(units)], axis=0)
            value = numpy_helper.from_array(np.zeros(1, np.float32))
            zero = [self.node("ConstantOfShape", [shape], value=value)] * (1 + (kind == "LSTM"))
        if both:
            attributes["direction"] = "bidirectional"
        outputs = self.node(kind, [x, w, r, b, "", *zero], 2 + (kind == "LSTM"), hidden_size=units, **attributes)
        return outputs[0], outputs[1]

    def model(self, x: list[Any], y: list[Any], output: str, kind: int = TensorProto.FLOAT) -> onnx.ModelProto:
        info = helper.make_tensor_value_info
        graph = helper.make_graph(
            [*self.nodes, helper.make_node("Identity", [output], ["output"], name="/end")],
            "main_graph",
            [info("input", kind, x)],
            [info("output", TensorProto.FLOAT, y)],
            initializer=self.weights,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)
        onnx.checker.check_model(model, full_check=True)
        return model


def torch_model(
    kind: str,
    *,
    seed: int = 0,
    layers: int = 1,
    both: bool = False,
    batch_first: bool = True,
    last: str = "",
    state: bool = True,
    **attributes: Any,
) -> onnx.ModelProto:
    """``nn.LSTM`` (GRU, RNN) of 5 units over 3 inputs and ``nn.Linear`` of 2 outputs, as torch.onnx.export writes it.

    last: the answer is of ``output[:, -1]`` ("step"), or of ``h_n[-1]`` or both directions' h_n ("state").
    """
    e, units, size = Exported(seed), 5, 3
    # PyTorch's GRU resets behind the product, and says so
    if kind == "GRU":
        attributes.setdefault("linear_before_reset", 1)
    x = e.node("Transpose", ["input"], perm=[1, 0, 2]) if batch_first else "input"
    for _ in range(layers):
        y, state_h = e.recurrent(kind, x, size, units, both, state, **attributes)
        size = units * (1 + both)
        if both:
            joined = e.node("Transpose", [y], perm=[0, 2, 1, 3])
            x = e.node("Reshape", [joined, e.constant(0, 0, -1)])
        else:
            x = e.node("Squeeze", [y, e.constant(1)])
    if last == "state":
        place = [e.node("Gather", [state_h, e.constant(n, scalar=True)], axis=0) for n in ((-2, -1) if both else (-1,))]
        x = e.node("Concat", place, axis=1) if both else place[0]
    else:
        x = e.node("Transpose", [x], perm=[1, 0, 2]) if batch_first else x
        if last:
            x = e.node("Gather", [x, e.constant(-1, scalar=True)], axis=1 if batch_first else 0)
    if last:
        x = e.node("Gemm", [x, e.weight(2, size), e.weight(2)], alpha=1.0, beta=1.0, transB=1)
    else:
        x = e.node("Add", [e.weight(2), e.node("MatMul", [x, e.weight(size, 2)])])
    first = ["batch", "time"] if batch_first else ["time", "batch"]
    return e.model([*first, 3], ["batch", 2] if last else [*first, 2], x)


def keras_model(kind: str, *, seed: int = 0, merge: str = "", last: bool = False, **attributes: Any) -> onnx.ModelProto:
    """A Keras recurrent layer, Bidirectional if ``merge``, and a Dense layer with softmax, as tf2onnx writes it."""
    e, units = Exported(seed, opset=15), 5
    x = e.node("Transpose", ["input"], perm=[1, 0, 2])
    every, final = e.recurrent(kind, x, 3, units, bool(merge), state=False, **attributes)
    given, axis = (final, 0) if last else (every, 1)
    size = units
    if merge:
        parts = e.node("Split", [given, e.constant(1, 1)], 2, axis=axis)
        parts = [e.node("Squeeze", [part, e.constant(axis)]) for part in parts]
        x = e.node("Concat", parts, axis=-1) if merge == "concat" else e.node(merge, parts)
        size *= 1 + (merge == "concat")
    else:
        x = e.node("Squeeze", [given, e.constant(axis)])
    if not last:
        x = e.node("Transpose", [x], perm=[1, 0, 2])
    x = e.node("Add", [e.node("MatMul", [x, e.weight(size, 4)]), e.weight(4)])
    x = e.node("Softmax", [x], axis=-1)
    return e.model(["batch", "time", 3], ["batch", 4] if last else ["batch", "time", 4], x)

"""A float graph under construction: nodes, weights, and what recurrent layers share."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from ffhw.layers.float_recurrent import FloatRecurrent
from ffhw.onnx.floats.cell import DOMAIN

# One direction of a recurrent operator: W [gates N, D], R [gates N, N], B [2 gates N].
Side = tuple[np.ndarray, np.ndarray, np.ndarray]
_FIRST = -(1 << 63)


class FloatGraph:
    """Nodes and weights, named after the layer they belong to."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.functions: dict[str, onnx.FunctionProto] = {}
        self.prefix = "input"
        self.count = 0

    def _name(self, kind: str) -> str:
        self.count += 1
        return f"{self.prefix}/{kind.lower()}_{self.count}"

    def node(self, kind: str, inputs: list[str], *, outputs: int = 1, output: str = "", **attributes: Any) -> Any:
        """Append a node; the name of its output, or of each where there are several."""
        name = self._name(kind)
        names = [output or name] if outputs == 1 else [f"{name}_{number}" for number in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, name=name, **attributes))
        return names[0] if outputs == 1 else names

    def weights(self, what: str, value: Any) -> str:
        """Real numbers as float32."""
        return self._initializer(what, np.asarray(value, np.float32))

    def integers(self, *values: int) -> str:
        """Axes and shapes."""
        return self._initializer("axes", np.asarray(values, np.int64))

    def scalar(self, value: int) -> str:
        """One whole number."""
        return self._initializer("number", np.asarray(value, np.int64))

    def _initializer(self, what: str, array: Any) -> str:
        name = self._name(what)
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def reversed_steps(self, x: str) -> str:
        """Sequences with their steps in reverse; all are of one length."""
        bounds = [self.integers(n) for n in (-1, _FIRST, 1, -1)]
        return str(self.node("Slice", [x, *bounds]))

    def cell(self, function: onnx.FunctionProto, layer: FloatRecurrent, x: str, *more: str) -> str:
        """A layer as a function: all steps ``[batch, time, N]``, or the last one ``[batch, N]``."""
        self.functions[function.name] = function
        gates, n = len(layer.weights_x), layer.units
        # where gates see the inputs only, the states count nothing
        recurrent = layer.weights_h if layer.weights_h.size else np.zeros((gates, n, n))
        matrices = (("W", layer.weights_x), ("R", recurrent))
        names = [self.weights(what, array.reshape(gates * n, -1)) for what, array in matrices]
        names.append(self.weights("B", layer.bias.reshape(-1)))
        every, last = self.node(function.name, [x, *names, *more], outputs=2, domain=DOMAIN)
        return str(every if layer.return_sequences else last)

    def recurrent(self, kind: str, sides: list[Side], x: str, once: bool, **attributes: Any) -> list[str]:
        """A recurrent operator with one side a direction: what each gives, ``[batch, time, N]`` or ``[batch, N]``."""
        stacked = [np.stack(arrays) for arrays in zip(*sides, strict=True)]
        names = [self.weights(what, array) for what, array in zip("WRB", stacked, strict=True)]
        units = sides[0][1].shape[1]
        time_first = self.node("Transpose", [x], perm=[1, 0, 2])
        every, last = self.node(kind, [time_first, *names], outputs=2, hidden_size=units, **attributes)
        # Y [time, directions, batch, N], Y_h [directions, batch, N]
        given, axis = (last, 0) if once else (every, 1)
        parts = [given] if len(sides) == 1 else self.node("Split", [given], outputs=2, axis=axis, num_outputs=2)
        flat = [self.node("Squeeze", [part, self.integers(axis)]) for part in parts]
        return flat if once else [self.node("Transpose", [part], perm=[1, 0, 2]) for part in flat]

"""A graph under construction: nodes, constants, and the two steps that integer arithmetic needs in ONNX.

Every number in the graph is an integer. Products are plain ``MatMul`` of 32 or 64 bit integers: the dedicated 8 bit
operator saturates inside on some processors when one factor is unsigned, as states are. ONNX shifts unsigned numbers
only, and its integer division rounds towards zero; so a multiple of the divisor is added first, which makes every
dividend non-negative and the division a shift, and is taken off behind it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ffhw.numbers import sigmoid


class Graph:
    """Nodes and constants, named after the layer they belong to."""

    def __init__(self, dtype: type[np.int32] | type[np.int64]) -> None:
        self.dtype = dtype
        self.tensor_type = TensorProto.INT64 if dtype is np.int64 else TensorProto.INT32
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.prefix = "input"
        self.count = 0

    def _name(self, kind: str) -> str:
        self.count += 1
        return f"{self.prefix}/{kind.lower()}_{self.count}"

    def node(self, kind: str, inputs: list[str], *, output: str | None = None, **attributes: Any) -> str:
        """Append a node of one output; returns the output's name."""
        name = self._name(kind)
        output = output or name
        self.nodes.append(helper.make_node(kind, inputs, [output], name=name, **attributes))
        return output

    def constant(self, value: Any) -> str:
        """Integers of the graph's own type."""
        return self._initializer(np.asarray(value).astype(self.dtype))

    def int64(self, value: list[int]) -> str:
        """Shape and axis operands, which ONNX wants as int64."""
        return self._initializer(np.asarray(value, np.int64))

    def _initializer(self, array: Any) -> str:
        name = self._name("constant")
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def shift_right(self, value: str, shift: int, bound: int) -> tuple[str, int]:
        """``value >> shift`` plus an offset, for ``|value| <= bound``; returns the sum and the offset."""
        offset = (bound >> shift) + 1
        raised = self.node("Add", [value, self.constant(offset << shift)])
        return self.node("Div", [raised, self.constant(1 << shift)]), offset

    def clip(self, value: str, low: int, high: int) -> str:
        """``value`` limited to ``[low, high]``."""
        return self.node("Min", [self.node("Max", [value, self.constant(low)]), self.constant(high)])

    def scalar(self, value: int) -> str:
        """One int64."""
        return self._initializer(np.asarray(value, np.int64))

    def gate(self, acc: str, shift: int, bits: int, bound: int) -> str:
        """``table[saturate(acc >> shift)]``, for ``|acc| <= bound``."""
        half = 1 << (sigmoid.index_bits(bits) - 1)
        raised, offset = self.shift_right(acc, shift, bound)
        index = self.clip(raised, offset - half, offset + half - 1)
        index = self.node("Sub", [index, self.constant(offset - half)])
        return self.node("Gather", [self.constant(sigmoid.full_table(bits)), index])

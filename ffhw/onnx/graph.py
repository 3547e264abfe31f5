"""A graph under construction: nodes, constants, and the two steps that integer arithmetic needs in ONNX.

Every number in the graph is an integer. Products are plain ``MatMul`` of 32 or 64 bit integers: the dedicated 8 bit
operator saturates inside on some processors when one factor is unsigned, as states are. ONNX shifts unsigned numbers
only, and its integer division rounds towards zero; so a multiple of the divisor is added first, which makes every
dividend non-negative and the division a shift, and is taken off behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ffhw.layers.base import Layer
from ffhw.numbers.tables import Table

# The end of an axis, as Slice takes it.
LAST = (1 << 63) - 1


def state_name(layer: Layer) -> str:
    """The graph's input of the state that a layer starts from."""
    return f"{layer.name}.state"


def final_name(layer: Layer) -> str:
    """The graph's output of the state that a layer ends in."""
    return f"{layer.name}.final"


class Graph:
    """Nodes and constants, named after the layer they belong to."""

    def __init__(self, dtype: type[np.int32] | type[np.int64], keeping: Sequence[Layer] = ()) -> None:
        """``keeping``: the layers whose states the graph takes and gives."""
        self.dtype = dtype
        self.tensor_type = TensorProto.INT64 if dtype is np.int64 else TensorProto.INT32
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.keeping = keeping
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

    def int64(self, value: Any) -> str:
        """Shapes, axes and indices, which ONNX wants as int64."""
        return self._initializer(np.asarray(value, np.int64))

    def _initializer(self, array: Any) -> str:
        name = self._name("constant")
        self.initializers.append(numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name

    def shift_right(self, value: str, shift: int, bound: int) -> tuple[str, int]:
        """``value >> shift`` plus an offset, for ``|value| <= bound``; returns the sum and the offset."""
        offset = (bound >> shift) + 1
        raised = self.node("Add", [value, self.constant(offset << shift)])
        return self.node("Div", [raised, self.constant(1 << shift)]), offset

    def clip(self, value: str, low: int, high: int) -> str:
        """``value`` limited to ``[low, high]``."""
        return self.node("Min", [self.node("Max", [value, self.constant(low)]), self.constant(high)])

    def state_given(self, layer: Layer) -> list[str]:
        """Each part of the state that a layer starts from, of shapes that expand to ``[batch, N]``."""
        parts = len(layer.state_formats)
        if layer not in self.keeping:
            return [self.constant(0)] * parts
        vector = self.node("Cast", [state_name(layer)], to=self.tensor_type)
        if parts == 1:
            return [vector]
        # the parts of a unit stand together
        ends = [self.int64([n]) for n in (LAST, 1, parts)]
        return [self.node("Slice", [vector, self.int64([part]), *ends]) for part in range(parts)]

    def state_left(self, layer: Layer, parts: list[str]) -> None:
        """Give the state that a layer ends in, from its parts ``[batch, N]``."""
        if layer not in self.keeping:
            return
        vector = parts[0]
        if len(parts) > 1:
            columns = [self.node("Unsqueeze", [part, self.int64([2])]) for part in parts]
            vector = self.node("Concat", columns, axis=2)
            vector = self.node("Reshape", [vector, self.int64([0, -1])])
        self.node("Cast", [vector], output=final_name(layer), to=TensorProto.INT32)

    def scalar(self, value: int) -> str:
        """One int64."""
        return self._initializer(np.asarray(value, np.int64))

    def look_up(self, acc: str, shift: int, table: Table, bound: int) -> str:
        """``table[saturate(acc >> shift)]``, for ``|acc| <= bound``."""
        half = 1 << (table.index_bits - 1)
        raised, offset = self.shift_right(acc, shift, bound)
        index = self.clip(raised, offset - half, offset + half - 1)
        index = self.node("Sub", [index, self.constant(offset - half)])
        return self.node("Gather", [self.constant(table.full), index])

    def columns(self, value: str, start: int, stop: int) -> str:
        """``value[:, start:stop]``."""
        return self.node("Slice", [value, self.int64([start]), self.int64([stop]), self.int64([1])])

    def interpolate(self, gate: str, one: str, zero: str | None, bits: int) -> str:
        """``round((G one + (M - G) zero) / M)`` of codes of ``Unorm(bits)``; ``zero`` None is 0."""
        t = self.node("Mul", [gate, one])
        if zero is not None:
            rest = self.node("Sub", [self.constant((1 << bits) - 1), gate])
            t = self.node("Add", [t, self.node("Mul", [rest, zero])])
        # (u + (u >> b)) >> b with u = t + 2^(b-1); nothing here is negative, so that dividing is shifting
        u = self.node("Add", [t, self.constant(1 << (bits - 1))])
        scale = self.constant(1 << bits)
        return self.node("Div", [self.node("Add", [u, self.node("Div", [u, scale])]), scale])

    def interpolate_signed(self, gate: str, one: str, zero: str, bits: int) -> str:
        """The same of codes of ``Fixed(bits, bits - 1)``, raised by 2^(b-1) so that none is negative."""
        raised = self.constant(1 << (bits - 1))
        one, zero = (self.node("Add", [code, raised]) for code in (one, zero))
        return self.node("Sub", [self.interpolate(gate, one, zero, bits), raised])

    def weight(self, gate: str, bits: int) -> str:
        """``G + (G >> (bits - 1))``: numerator of a gate over 2^bits."""
        return self.node("Add", [gate, self.node("Div", [gate, self.constant(1 << (bits - 1))])])

    def scaled(self, value: str, shift: int) -> str:
        """``value << shift``."""
        return self.node("Mul", [value, self.constant(1 << shift)]) if shift else value

    def rounded(self, value: str, shift: int, bound: int) -> str:
        """``(value + half) >> shift``, for ``|value| <= bound``."""
        half = (1 << shift) >> 1
        raised, offset = self.shift_right(self.node("Add", [value, self.constant(half)]), shift, bound + half)
        return self.node("Sub", [raised, self.constant(offset)])

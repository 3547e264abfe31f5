"""The integer ONNX graph as a program: nodes in order, each of which a runtime computes by one rule an operator.

Every kind of layer is a graph of the same two dozen standard operators, so that a runtime which knows them runs every
kind; a new kind of layer adds nothing to it.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from ffhw.errors import InputError

# Values of one operator from its attributes and its inputs.
Rule = Callable[..., Any]


@dataclasses.dataclass(frozen=True)
class Node:
    """One operator: which, the names of what it takes and gives, and its attributes."""

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Program:
    """Nodes in an order in which they can be computed; ``constants`` by name, NumPy arrays."""

    nodes: tuple[Node, ...]
    constants: Mapping[str, Any]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @classmethod
    def of(cls, graph: onnx.GraphProto) -> Program:
        """The program of a graph; a graph among the attributes, the body of a loop, is a program as well."""
        nodes = tuple(
            Node(node.op_type, tuple(node.input), tuple(node.output), {a.name: _value(a) for a in node.attribute})
            for node in graph.node
        )
        constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        return cls(nodes, constants, tuple(i.name for i in graph.input), tuple(o.name for o in graph.output))

    def run(self, rules: Mapping[str, Rule], given: Mapping[str, Any]) -> list[Any]:
        """The outputs, in order.

        Parameters
        ----------
        rules: of each operator by name, called with the node's inputs and its attributes by name; an attribute that is
            a program is a function, from its inputs to the list of its outputs.
        given: values of the inputs by name; what is missing must have a constant that stands for it.

        Raises
        ------
        InputError: there is no rule for an operator.
        """
        values = {**self.constants, **given}
        for node in self.nodes:
            if node.kind not in rules:
                raise InputError(f"operator {node.kind} has no rule here")
            attributes = {
                name: functools.partial(value._call, rules) if isinstance(value, Program) else value
                for name, value in node.attributes.items()
            }
            found = rules[node.kind](*(values[name] for name in node.inputs), **attributes)
            values.update(zip(node.outputs, found if isinstance(found, tuple) else (found,), strict=True))
        return [values[name] for name in self.outputs]

    def _call(self, rules: Mapping[str, Rule], *given: Any) -> list[Any]:
        return self.run(rules, dict(zip(self.inputs, given, strict=True)))


def _value(attribute: onnx.AttributeProto) -> Any:
    value = helper.get_attribute_value(attribute)
    return Program.of(value) if isinstance(value, onnx.GraphProto) else value


def numpy_type(tensor_type: int) -> Any:
    """The NumPy type of an ONNX tensor type."""
    return np.dtype(helper.tensor_dtype_to_np_dtype(tensor_type))


def slices(rank: int, starts: Any, ends: Any, axes: Any, steps: Any) -> tuple[slice, ...]:
    """What Slice takes of each axis. The largest int64 stands for an axis's end."""
    parts = [slice(None)] * rank
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        parts[int(axis)] = slice(int(start), None if end == np.iinfo(np.int64).max else int(end), int(step))
    return tuple(parts)

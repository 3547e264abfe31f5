"""From a float ONNX graph to a float network: a chain of layers, as PyTorch, Keras and ffhw itself write them.

Operators are read one by one (:mod:`ffhw.reading.onnx.operators`, :mod:`ffhw.reading.onnx.recurrent`). What no rule
knows is refused by operator and name. Which axis of the input is the batch and which is time stands nowhere in a file:
the order with which the whole graph makes sense is the one that is meant.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from ffhw.errors import InputError
from ffhw.layers.base import FloatLayer
from ffhw.model.floatnet import FloatNetwork
from ffhw.reading.assembly import assemble
from ffhw.reading.onnx.file import MOST_ELEMENTS, constant, open_onnx
from ffhw.reading.onnx.operators import OPERATORS
from ffhw.reading.onnx.values import BATCH, FEATURES, TIME, FirstState, Flow, Sizes, States, Unread, Value
from ffhw.reading.onnx.walk import Operator, Walk

# Of constants these can be computed at once: what they give is no larger than what they take, and a state stays one.
_FOLDED = {"Cast", "Concat", "Gather", "Identity", "Reshape", "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze"}
# Orders in which a model may take its axes; the usual one first.
_ORDERS: dict[int, list[tuple[str, ...]]] = {
    3: [(BATCH, TIME, FEATURES), (TIME, BATCH, FEATURES), (BATCH, FEATURES, TIME)],
    2: [(BATCH, TIME), (TIME, BATCH)],
}


def read_onnx(path: Path | str) -> FloatNetwork:
    """Trained network in an ``.onnx`` file.

    Raises
    ------
    InputError: not an ONNX file, an operator that hardware does not have, or anything but a chain of layers.
    """
    path = Path(path)
    model = open_onnx(path)
    graph = model.graph
    opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    constants = {tensor.name: constant(tensor) for tensor in graph.initializer}
    inputs = [info for info in graph.input if info.name not in constants]
    nodes = _needed(graph)
    used = {name for node in nodes for name in node.input}
    if not used.intersection(info.name for info in inputs):
        raise InputError(f"{path}: its output does not depend on its input")
    failures: list[tuple[int, InputError]] = []
    readings = _readings(path, inputs)
    for order, data in readings:
        reader = _Reader(constants, opset)
        try:
            firsts = [info.name for info in inputs if info is not data]
            network = reader.read(nodes, data, firsts, [info.name for info in graph.output], order)
            name = graph.name if graph.name.isprintable() and graph.name else path.stem
            return dataclasses.replace(network, name=name)
        except InputError as error:
            # data come first, and states behind them
            failures += [(reader.done, error)] if data is readings[0][1] else []
    # the order that made sense for longest is the one that was meant
    message = str(max(failures, key=lambda failure: failure[0])[1])
    raise InputError(f"{path}: {' '.join(message.splitlines())}")


def _readings(path: Path, inputs: list[onnx.ValueInfoProto]) -> list[tuple[tuple[str, ...], onnx.ValueInfoProto]]:
    """Which input may be the data, in which order of axes: the first reading that makes sense is the one."""
    found, refused = [], None
    for info in inputs:
        try:
            found += [(order, info) for order in _orders(path, info)]
        except InputError as error:
            refused = refused or error
    if not found:
        raise refused or InputError(f"{path} has no input")
    return found


def _needed(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """The nodes that the outputs depend on, in order."""
    wanted, found = {info.name for info in graph.output}, []
    for node in reversed(graph.node):
        if wanted & set(node.output):
            wanted |= set(_taken(node))
            found.append(node)
    return found[::-1]


def _taken(node: onnx.NodeProto) -> Iterator[str]:
    """Names that a node takes, those inside its loops as well."""
    yield from node.input
    for attribute in node.attribute:
        for inner in attribute.g.node:
            yield from _taken(inner)


def _orders(path: Path, info: onnx.ValueInfoProto) -> list[tuple[str, ...]]:
    """Orders in which the axes of the model's input may be meant."""
    dims = info.type.tensor_type.shape.dim
    kind = info.type.tensor_type.elem_type
    tokens = kind in (TensorProto.INT64, TensorProto.INT32)
    possible: list[tuple[str, ...]] = _ORDERS.get(len(dims), [])
    orders = [
        order
        for order in possible
        if tokens == (FEATURES not in order) and (tokens or dims[order.index(FEATURES)].dim_value > 0)
    ]
    if not orders or kind not in (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT64, TensorProto.INT32):
        shape = [dim.dim_value or dim.dim_param or "?" for dim in dims]
        raise InputError(
            f"{path} takes inputs of shape {shape}: hardware takes sequences [batch, time, inputs] of floats, of a "
            "known number of inputs, or tokens [batch, time]"
        )
    return orders


class _Reader:
    """One reading of a graph; ``done`` counts the operators that were understood."""

    def __init__(self, constants: dict[str, np.ndarray], opset: int) -> None:
        self.values: dict[str, Value] = dict(constants)
        self.opset = opset
        self.walk = Walk()
        self.done = 0

    def read(
        self,
        nodes: list[onnx.NodeProto],
        given: onnx.ValueInfoProto,
        firsts: list[str],
        outputs: list[str],
        order: tuple[str, ...],
    ) -> FloatNetwork:
        """The network, where the input's axes are in this order, and these other inputs are first states."""
        dims = given.type.tensor_type.shape.dim
        size = dims[order.index(FEATURES)].dim_value if FEATURES in order else 1
        fixed = {letter: dim.dim_value for letter, dim in zip(order, dims, strict=True) if dim.dim_value > 0}
        fixed.pop(FEATURES, None)
        self.values |= {name: FirstState(name) for name in firsts}
        self.values[given.name] = Flow(order, size, 0, fixed=fixed)
        for node in nodes:
            self._node(node)
            self.done += 1
        taken = {name for node in nodes for name in _taken(node)}
        for name in firsts:
            if name in taken and name not in self.walk.started:
                raise InputError(f"its input {name!r} is neither the data nor what a layer starts from")
        output = self._answer(outputs)
        end = Operator("output", output, {}, 1, self.opset)
        flow = self.walk.take(end, self.values.get(output))
        if (
            not {"b", "t", "f"}.issuperset(flow.axes)
            or BATCH not in flow.axes
            or (flow.size > 1 > flow.axes.count("f"))
        ):
            raise end.refuse(f"has axes {', '.join(flow.axes)}, not batch, time and elements")
        network = assemble(self.walk.parts)
        if not network.layers:
            raise InputError("it has no layer with weights")
        return dataclasses.replace(network, notes=tuple(self.walk.notes))

    def _answer(self, outputs: list[str]) -> str:
        """The output that is the answer; others are final states, which hardware that keeps states gives."""
        values = {name: self.values.get(name) for name in outputs}
        answers = [name for name, value in values.items() if not self._final(value)]
        if len(answers) > 1:
            raise InputError(
                f"its outputs are {', '.join(answers)}: hardware has one, and final states; return one tensor"
            )
        if not answers:
            # nothing but states: the last layer's is the answer
            answers = [max(values, key=lambda name: getattr(values[name], "made", 0))]
        states = [name for name in values if name != answers[0]]
        if states:
            self.walk.notes.append(f"outputs {' and '.join(states)} are final states, given with --keep-state only")
        return answers[0]

    def _final(self, value: Value | None) -> bool:
        """Whether something is the state after the last step of one layer or several, none of which reads both ways."""
        if isinstance(value, Unread):
            return value.state
        flows = value.flows if isinstance(value, States) else (value,)
        return all(
            isinstance(flow, Flow)
            and flow.final is not None
            and isinstance(part := self.walk.parts[flow.made - flow.final - 1], FloatLayer)
            and not part.both_directions
            for flow in flows
        )

    def _node(self, node: onnx.NodeProto) -> None:
        """Take one operator."""
        named = next((name for name in node.output if name), "")
        operator = Operator(
            node.op_type,
            node.name or named,
            {attribute.name: _attribute(attribute) for attribute in node.attribute},
            len(node.output),
            self.opset,
            {name: value for name, value in self.values.items() if isinstance(value, np.ndarray)},
        )
        missing = [name for name in node.input if name and name not in self.values]
        if missing:
            raise operator.refuse(f"takes {missing[0]!r}, which nothing gives")
        inputs = [self.values[name] if name else None for name in node.input]
        unread = next((value for value in inputs if isinstance(value, Unread)), None)
        if unread is not None:
            # an output of final states may be made of it, the answer may not
            others = all(isinstance(value, Unread | np.ndarray | Sizes | None) for value in inputs)
            state = unread.state and others and node.op_type in _FOLDED and node.domain in ("", "ai.onnx")
            refusal = unread.refusal or str(operator.refuse(unread.why))
            passed = dataclasses.replace(unread, refusal=refusal, state=state)
            self.values |= dict.fromkeys(filter(None, node.output), passed)
            return
        if node.domain not in ("", "ai.onnx"):
            raise operator.refuse(f"is of domain {node.domain!r}, which is not understood")
        if node.op_type == "Constant":
            found: list[Any] = [_constant(operator)]
        elif node.op_type in _FOLDED and all(isinstance(v, np.ndarray) or v is None for v in inputs):
            found = _folded(operator, node, inputs, self.opset)
        elif node.op_type in OPERATORS:
            try:
                found = OPERATORS[node.op_type](self.walk, operator, *inputs)
            except (TypeError, ValueError, IndexError, KeyError) as error:
                raise operator.refuse(f"is not as ONNX has it ({error})") from None
        else:
            raise operator.refuse(f"has no hardware; supported are {', '.join(sorted(OPERATORS))}")
        self.values.update((name, value) for name, value in zip(node.output, found, strict=False) if name)


def _attribute(attribute: onnx.AttributeProto) -> Any:
    value = helper.get_attribute_value(attribute)
    if isinstance(value, TensorProto):
        return constant(value)
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, list) and value and isinstance(value[0], bytes):
        return [entry.decode(errors="replace") for entry in value]
    return list(value) if isinstance(value, tuple) else value


def _constant(operator: Operator) -> np.ndarray:
    for name in ("value", "value_float", "value_floats", "value_int", "value_ints"):
        if name in operator.attributes:
            return np.asarray(operator.attributes[name])
    raise operator.refuse("holds no numbers")


def _folded(operator: Operator, node: onnx.NodeProto, inputs: list[Any], opset: int) -> list[np.ndarray]:
    """Outputs of an operator all of whose inputs are constants."""
    if sum(value.size for value in inputs if value is not None) > MOST_ELEMENTS:
        raise operator.refuse("makes a constant of more numbers than are read")
    names = [name for name in node.input if name]
    types = [helper.np_dtype_to_tensor_dtype(value.dtype) for value in inputs if value is not None]
    infos = [helper.make_tensor_value_info(n, t, None) for n, t in zip(dict.fromkeys(names), types, strict=False)]
    outputs = [helper.make_tensor_value_info(name, TensorProto.UNDEFINED, None) for name in node.output if name]
    graph = helper.make_graph([node], "constants", infos, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    try:
        given = {name: value for name, value in zip(node.input, inputs, strict=True) if name}
        return [np.asarray(array) for array in ReferenceEvaluator(model).run(None, given)]
    except Exception as error:  # the library meets whatever is in the file
        raise operator.refuse(f"cannot be computed ({str(error)[:80]})") from None

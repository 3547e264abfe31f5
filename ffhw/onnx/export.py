"""Quantized network -> integer ONNX graph of standard operators.

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

from ffhw import __version__, sigmoid
from ffhw.fixedpoint import Fixed, Unorm
from ffhw.layers import DenseLayer, EmbeddingLayer, JKLayer
from ffhw.network import Network

OPSET = 18
# IR version that belongs to the opset; newer ones are refused by older runtimes.
IR_VERSION = 9


def to_onnx(network: Network) -> onnx.ModelProto:
    """Integer graph with the golden model's outputs, code for code.

    Inputs: ``codes`` int32 ``[batch, time, D]`` and ``lengths`` int32 ``[batch]``, each from 1 to ``time``.
    Output: ``outputs`` int32 ``[batch, time, N]``, zero past a sequence's end, or ``[batch, N]`` where the network
    answers once a sequence.
    """
    graph = _Graph(np.int64 if _needs_64_bits(network) else np.int32)
    x = graph.node("Cast", ["codes"], to=graph.tensor_type)
    lengths = graph.node("Cast", ["lengths"], to=TensorProto.INT64)
    mask = _step_mask(graph, lengths)  # [batch, time, 1]
    for layer in network.layers:
        graph.prefix = layer.name
        if isinstance(layer, JKLayer):
            x, final = _jk(graph, layer, x, mask)
            if not layer.return_sequences:
                x = graph.node("Unsqueeze", [final, graph.int64([1])])
                mask = graph.node("Slice", [mask, graph.int64([0]), graph.int64([1]), graph.int64([1])])
        elif isinstance(layer, DenseLayer):
            x = _dense(graph, layer, x)
        else:
            x = graph.node("Gather", [graph.constant(layer.table), graph.node("Squeeze", [x, graph.int64([2])])])
    graph.prefix = "output"
    if network.return_sequences:
        x = graph.node("Where", [mask, x, graph.constant(0)])
        shape: list[Any] = ["batch", "time", network.output_size]
    else:
        x = graph.node("Squeeze", [x, graph.int64([1])])
        shape = ["batch", network.output_size]
    graph.node("Cast", [x], output="outputs", to=TensorProto.INT32)
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            network.name,
            [
                helper.make_tensor_value_info("codes", TensorProto.INT32, ["batch", "time", network.input_size]),
                helper.make_tensor_value_info("lengths", TensorProto.INT32, ["batch"]),
            ],
            [helper.make_tensor_value_info("outputs", TensorProto.INT32, shape)],
            initializer=graph.initializers,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="ffhw",
        producer_version=__version__,
    )
    helper.set_model_props(model, {"input_format": str(network.input), "output_format": str(network.output)})
    onnx.checker.check_model(model, full_check=True)
    return model


def _needs_64_bits(network: Network) -> bool:
    """Whether some intermediate number exceeds 31 bits."""
    largest = 0
    for layer in network.layers:
        if isinstance(layer, EmbeddingLayer):
            continue
        # an accumulator, and what is added to make it non-negative
        shift = layer.gate_shift if isinstance(layer, JKLayer) else layer.result_shift
        largest = max(largest, 2 * (layer.acc_bound + (2 << shift)))
        if isinstance(layer, JKLayer):
            largest = max(largest, 2 * layer.state.max**2 + (2 << layer.state.bits))
    return largest >= 1 << 31


class _Graph:
    """Nodes and constants, named after the layer they belong to."""

    def __init__(self, dtype: type[np.int32] | type[np.int64]) -> None:
        self.dtype = dtype
        self.tensor_type = TensorProto.INT64 if dtype is np.int64 else TensorProto.INT32
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.prefix = "input"
        self._count = 0

    def _name(self, kind: str) -> str:
        self._count += 1
        return f"{self.prefix}/{kind.lower()}_{self._count}"

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


def _step_mask(graph: _Graph, lengths: str) -> str:
    """``t < length``, ``[batch, time, 1]``."""
    time = graph.node("Squeeze", [graph.node("Shape", ["codes"], start=1, end=2)])
    steps = graph.node("Range", [_scalar(graph, 0), time, _scalar(graph, 1)])
    return graph.node(
        "Less",
        [
            graph.node("Unsqueeze", [steps, graph.int64([0, 2])]),
            graph.node("Unsqueeze", [lengths, graph.int64([1, 2])]),
        ],
    )


def _scalar(graph: _Graph, value: int) -> str:
    return graph._initializer(np.asarray(value, np.int64))


def _gate(graph: _Graph, acc: str, shift: int, bits: int, bound: int) -> str:
    """``table[saturate(acc >> shift)]``."""
    half = 1 << (sigmoid.index_bits(bits) - 1)
    raised, offset = graph.shift_right(acc, shift, bound)
    index = graph.clip(raised, offset - half, offset + half - 1)
    index = graph.node("Sub", [index, graph.constant(offset - half)])
    return graph.node("Gather", [graph.constant(sigmoid.full_table(bits)), index])


def _jk(graph: _Graph, layer: JKLayer, x: str, mask: str) -> tuple[str, str]:
    """States of all steps ``[batch, time, N]`` and the last ones ``[batch, N]``."""
    n, bits, top = layer.units, layer.state.bits, layer.state.max
    wx = layer.weights_x.reshape(2 * n, -1).T << layer.shift_x
    wh = layer.weights_h.reshape(2 * n, -1).T << layer.shift_h
    # what the inputs add to the accumulators, for all steps at once
    driven = graph.node("MatMul", [x, graph.constant(wx)])
    driven = graph.node("Add", [driven, graph.constant(layer.bias.reshape(-1))])
    driven = graph.node("Transpose", [driven], perm=[1, 0, 2])
    steps = graph.node("Transpose", [mask], perm=[1, 0, 2])
    batch = graph.node("Shape", [x], start=0, end=1)
    shape = graph.node("Concat", [batch, graph.int64([n])], axis=0)
    start = graph.node("Expand", [graph.constant(0), shape])

    body = _Graph(graph.dtype)
    body.prefix, body._count = f"{layer.name}/step", graph._count
    h = f"{layer.name}/h"
    # acc = Wx x + Wh h + bias
    acc = body.node("Add", [f"{layer.name}/driven", body.node("MatMul", [h, body.constant(wh)])])
    gates = _gate(body, acc, layer.gate_shift, bits, layer.acc_bound)
    j = body.node("Slice", [gates, body.int64([0]), body.int64([n]), body.int64([1])])
    k = body.node("Slice", [gates, body.int64([n]), body.int64([2 * n]), body.int64([1])])
    # t = J (M - H) + (M - K) H
    not_h, not_k = (body.node("Sub", [body.constant(top), v]) for v in (h, k))
    t = body.node("Add", [body.node("Mul", [j, not_h]), body.node("Mul", [not_k, h])])
    # H' = (u + (u >> b)) >> b with u = t + 2^(b-1); nothing here is negative, so that dividing is shifting
    u = body.node("Add", [t, body.constant(1 << (bits - 1))])
    scale = body.constant(1 << bits)
    new = body.node("Div", [body.node("Add", [u, body.node("Div", [u, scale])]), scale])
    # past a sequence's end the state stays
    after = body.node("Where", [f"{layer.name}/active", new, h])
    every = body.node("Identity", [after])
    info = helper.make_tensor_value_info
    step = helper.make_graph(
        body.nodes,
        f"{layer.name}_step",
        [
            info(h, graph.tensor_type, ["batch", n]),
            info(f"{layer.name}/driven", graph.tensor_type, ["batch", 2 * n]),
            info(f"{layer.name}/active", TensorProto.BOOL, ["batch", 1]),
        ],
        [info(after, graph.tensor_type, ["batch", n]), info(every, graph.tensor_type, ["batch", n])],
        initializer=body.initializers,
    )
    graph._count = body._count
    final, states = f"{layer.name}/final", f"{layer.name}/states"
    graph.nodes.append(
        helper.make_node(
            "Scan", [start, driven, steps], [final, states], name=f"{layer.name}/scan", body=step, num_scan_inputs=2
        )
    )
    return graph.node("Transpose", [states], perm=[1, 0, 2]), final


def _dense(graph: _Graph, layer: DenseLayer, x: str) -> str:
    # acc = W x + bias
    acc = graph.node("MatMul", [x, graph.constant(layer.weights.T << layer.shift_x)])
    acc = graph.node("Add", [acc, graph.constant(layer.bias)])
    if layer.activation == "argmax":
        return graph.node("Cast", [graph.node("ArgMax", [acc], axis=-1, keepdims=1)], to=graph.tensor_type)
    if isinstance(layer.output, Unorm):
        return _gate(graph, acc, layer.result_shift, layer.output.bits, layer.acc_bound)
    assert isinstance(layer.output, Fixed)
    # output = saturate((acc + half) >> shift)
    half = (1 << layer.result_shift) >> 1
    raised, offset = graph.shift_right(
        graph.node("Add", [acc, graph.constant(half)]), layer.result_shift, layer.acc_bound
    )
    low = 0 if layer.activation == "relu" else layer.output.min
    code = graph.clip(raised, low + offset, layer.output.max + offset)
    return graph.node("Sub", [code, graph.constant(offset)])

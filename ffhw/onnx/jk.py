"""JK layers in ONNX: a Scan over time whose body is one step."""

from __future__ import annotations

from onnx import TensorProto, helper

from ffhw.layers.jk import JKLayer
from ffhw.onnx.graph import Graph


def nodes(graph: Graph, layer: JKLayer, x: str, mask: str) -> str:
    """States of all steps ``[batch, time, N]`` or of the last one ``[batch, 1, N]``; ``mask [batch, time, 1]``."""
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

    body = Graph(graph.dtype)
    body.prefix, body.count = f"{layer.name}/step", graph.count
    h = f"{layer.name}/h"
    # acc = Wx x + Wh h + bias
    acc = body.node("Add", [f"{layer.name}/driven", body.node("MatMul", [h, body.constant(wh)])])
    gates = body.gate(acc, layer.gate_shift, bits, layer.acc_bound)
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
    graph.count = body.count
    final, states = f"{layer.name}/final", f"{layer.name}/states"
    graph.nodes.append(
        helper.make_node(
            "Scan", [start, driven, steps], [final, states], name=f"{layer.name}/scan", body=step, num_scan_inputs=2
        )
    )
    every = graph.node("Transpose", [states], perm=[1, 0, 2])
    return every if layer.return_sequences else graph.node("Unsqueeze", [final, graph.int64([1])])

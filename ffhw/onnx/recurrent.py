"""Recurrent layers in ONNX: a Scan over time whose body is one step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import TensorProto, helper

from ffhw.layers.recurrent import RecurrentLayer
from ffhw.onnx.graph import Graph

# From the body's graph, the accumulators and the old state to the new state, each ``[batch, N]``; h first.
Update = Callable[[Graph, list[str], list[str]], list[str]]
# ``W v`` side by side, ``[..., gates N]``, from the layer, the vector v, some gates' weights, and whether v is inputs.
Product = Callable[[Graph, Any, str, Any, bool], str]


def product(graph: Graph, layer: RecurrentLayer, vector: str, weights: Any, of_inputs: bool) -> str:
    """Every unit with weights of its own: ``[..., elements]`` by ``weights [gates, N, elements]``."""
    gates, n, size = weights.shape
    return graph.node("MatMul", [vector, graph.constant(weights.reshape(gates * n, size).T)])


def scan(graph: Graph, layer: RecurrentLayer, x: str, mask: str, update: Update, product: Product = product) -> str:
    """h of all steps ``[batch, time, N]`` or of the last one ``[batch, 1, N]``; ``mask [batch, time, 1]``.

    The accumulators of dependent gates come without a recurrent sum, which ``update`` adds (:func:`recurrent`).
    """
    name, n, gates, parts = graph.prefix, layer.units, layer.gates, layer.state_signals
    wide, together = gates * n, gates - layer.apart - layer.dependent
    wh = layer.weights_h << layer.shift_h
    # what the states add to the accumulators: nothing where their sum is kept apart, or not h is what is multiplied
    added = np.where((np.arange(gates) < together)[:, None, None], wh, 0)
    # what the inputs add to the accumulators, for all steps at once
    driven = product(graph, layer, x, layer.weights_x << layer.shift_x, True)
    driven = graph.node("Add", [driven, graph.constant(layer.bias[:gates].reshape(-1))])
    driven = graph.node("Transpose", [driven], perm=[1, 0, 2])
    steps = graph.node("Transpose", [mask], perm=[1, 0, 2])
    batch = graph.node("Shape", [x], start=0, end=1)
    shape = graph.node("Concat", [batch, graph.int64([n])], axis=0)
    starts = [graph.node("Expand", [part, shape]) for part in graph.state_given(layer)]

    body = Graph(graph.dtype)
    body.prefix, body.count = f"{name}/step", graph.count
    old = [f"{name}/{part}" for part in parts]
    acc = f"{name}/driven"
    if layer.recurrent_size:
        again = product(body, layer, old[0], added, False)
        # acc = Wx x + Wh h + bias
        acc = body.node("Add", [acc, again])
    sums = [body.columns(acc, gate * n, (gate + 1) * n) for gate in range(gates)]
    if layer.apart:
        kept = product(body, layer, old[0], wh[together:], False)
        kept = body.node("Add", [kept, body.constant(layer.bias[gates:].reshape(-1))])
        sums += [body.columns(kept, gate * n, (gate + 1) * n) for gate in range(layer.apart)]
    new = update(body, sums, old)
    # past a sequence's end the state stays
    after = [body.node("Where", [f"{name}/active", *pair]) for pair in zip(new, old, strict=True)]
    every = body.node("Identity", [after[0]])
    info = helper.make_tensor_value_info
    step = helper.make_graph(
        body.nodes,
        f"{name}_step",
        [
            *(info(part, graph.tensor_type, ["batch", n]) for part in old),
            info(f"{name}/driven", graph.tensor_type, ["batch", wide]),
            info(f"{name}/active", TensorProto.BOOL, ["batch", 1]),
        ],
        [info(part, graph.tensor_type, ["batch", n]) for part in (*after, every)],
        initializer=body.initializers,
    )
    graph.count = body.count
    final = [f"{name}/final" if part == parts[0] else f"{name}/final_{part}" for part in parts]
    states = f"{name}/states"
    graph.nodes.append(
        helper.make_node(
            "Scan",
            [*starts, driven, steps],
            [*final, states],
            name=f"{name}/scan",
            body=step,
            num_scan_inputs=2,
        )
    )
    graph.state_left(layer, final)
    every = graph.node("Transpose", [states], perm=[1, 0, 2])
    return every if layer.return_sequences else graph.node("Unsqueeze", [final[0], graph.int64([1])])


def recurrent(body: Graph, layer: RecurrentLayer, number: int, vector: str) -> str:
    """What a vector in h's format adds to the accumulator of a gate."""
    return body.node("MatMul", [vector, body.constant(layer.weights_h[number].T << layer.shift_h)])


def gate(body: Graph, layer: RecurrentLayer, number: int, acc: str) -> str:
    """Code of a gate from its accumulator."""
    table = layer.tables[number]
    return body.look_up(acc, layer.gate_shifts[number], table, layer.acc_bound)

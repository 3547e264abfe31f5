"""States that are inputs and outputs of a float ONNX model: what is the data, what is the answer, what is refused."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from ffhw.errors import InputError
from ffhw.model.quantize import quantize
from ffhw.reading.onnx.model import read_onnx

INPUTS, UNITS = 3, 5
GATES = {"LSTM": 4, "GRU": 3}
FLOAT = TensorProto.FLOAT


def layer(kind: str, x: str, name: str, size: int = INPUTS, first: str = "", cell: str = "", **attributes):
    """Nodes and weights of a recurrent operator over x ``[batch, time, size]``; its outputs are Y, H and C of name."""
    rng, sides = np.random.default_rng(1), 1 + (attributes.get("direction") == "bidirectional")
    rows = GATES[kind] * UNITS
    weights = [
        numpy_helper.from_array(rng.normal(0, 0.5, (sides, rows, n)).astype(np.float32), f"{name}_{what}")
        for what, n in (("W", size), ("R", UNITS))
    ]
    turn = helper.make_node("Transpose", [x], [f"{name}_x"], perm=[1, 0, 2])
    given = [f"{name}_x", f"{name}_W", f"{name}_R", "", "", first, cell][: 7 if kind == "LSTM" else 6]
    out = [f"{name}_Y", f"{name}_H", *([f"{name}_C"] if kind == "LSTM" else [])]
    operator = helper.make_node(kind, given, out, name=name, hidden_size=UNITS, **attributes)
    back = helper.make_node("Transpose", [f"{name}_Y"], [f"{name}_t"], perm=[2, 0, 1, 3])
    shape = numpy_helper.from_array(np.array([0, 0, -1]), f"{name}_shape")
    flat = helper.make_node("Reshape", [f"{name}_t", f"{name}_shape"], [f"{name}_y"])
    return [turn, operator, back, flat], [*weights, shape]


def constant(name: str, values) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(values), name)


def read(tmp_path, parts, outputs, states=(), more=(), weights=()):
    """The network of these layers' nodes, further nodes and outputs."""
    nodes = [node for found, _ in parts for node in found] + list(more)
    tensors = [tensor for _, found in parts for tensor in found] + list(weights)
    info = helper.make_tensor_value_info
    given = [info("x", FLOAT, ["b", "t", INPUTS]), *states]
    graph = helper.make_graph(nodes, "net", given, [info(name, FLOAT, None) for name in outputs], tensors)
    path = tmp_path / "m.onnx"
    path.write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString())
    return read_onnx(path)


def state(name: str, units: int = UNITS):
    return helper.make_tensor_value_info(name, FLOAT, [1, "b", units])


def squeezed(*names: str):
    """``[1, batch, units]`` to ``[batch, units]``."""
    nodes = [helper.make_node("Squeeze", [name, "first_axis"], [f"{name}_s"]) for name in names]
    return nodes, [constant("first_axis", [0])]


def test_an_answer_made_of_a_cell_state_is_refused_whatever_else_is_an_output(tmp_path):
    """It is no final state, and what is one may not take its place."""
    nodes, tensors = squeezed("r_H", "r_C")
    logits = [
        helper.make_node("Concat", ["r_H_s", "r_C_s"], ["both"], axis=1),
        helper.make_node("MatMul", ["both", "w"], ["z"]),
        helper.make_node("Softmax", ["z"], ["p"], axis=-1),
    ]
    tensors += [constant("w", np.ones((2 * UNITS, 2), np.float32))]
    for outputs in (["p", "r_y"], ["r_y", "p"]):
        with pytest.raises(InputError, match=r"its outputs are \w+, \w+: hardware has one, and final states"):
            read(tmp_path, [layer("LSTM", "x", "r")], outputs, more=nodes + logits, weights=tensors)
    logits[1] = helper.make_node("MatMul", ["r_C_s", "w"], ["p"])
    tensors[-1] = constant("w", np.ones((UNITS, 2), np.float32))
    with pytest.raises(InputError, match=r"operator Squeeze .* takes an LSTM's cell state c, which has no hardware"):
        read(tmp_path, [layer("LSTM", "x", "r")], ["p", "r_H_s"], more=nodes + logits[1:2], weights=tensors)


@pytest.mark.parametrize("outputs", [["r_H_s", "r_C_s"], ["r_C_s", "r_H_s"]])
def test_of_states_alone_the_last_layers_is_the_answer(outputs, tmp_path):
    nodes, tensors = squeezed("r_H", "r_C")
    network = read(tmp_path, [layer("LSTM", "x", "r")], outputs, more=nodes, weights=tensors)
    assert not network.return_sequences
    assert network.notes == ("outputs r_C_s are final states, given with --keep-state only",)


@pytest.mark.parametrize("outputs", [["a_H_s", "b_H_s"], ["b_H_s", "a_H_s"]])
def test_of_two_layers_states_the_second_ones_is_the_answer(outputs, tmp_path):
    nodes, tensors = squeezed("a_H", "b_H")
    parts = [layer("GRU", "x", "a"), layer("GRU", "a_y", "b", UNITS)]
    network = read(tmp_path, parts, outputs, more=nodes, weights=tensors)
    assert [found.name for found in network.layers] == ["a", "b"]
    assert network.notes == ("outputs a_H_s are final states, given with --keep-state only",)


def test_a_layer_that_reads_both_ways_has_no_states_to_give_or_take(tmp_path):
    part = layer("GRU", "x", "r", direction="bidirectional")
    with pytest.raises(InputError, match="its outputs are r_y, r_H: hardware has one"):
        read(tmp_path, [part], ["r_y", "r_H"])
    part = layer("GRU", "x", "r", first="h0", direction="bidirectional")
    with pytest.raises(InputError, match="starts from a state that is given and reads both ways"):
        read(tmp_path, [part], ["r_y"], [helper.make_tensor_value_info("h0", FLOAT, [2, "b", UNITS])])


def test_a_layer_that_reads_from_the_end_can_start_from_a_state(tmp_path):
    network = read(tmp_path, [layer("GRU", "x", "r", first="h0", direction="reverse")], ["r_y"], [state("h0")])
    assert network.notes == ("layer 'r' starts from h0: with --keep-state loaded, else zeros",)
    quantized = quantize(network, np.random.default_rng(2).normal(size=(4, 6, INPUTS)))
    assert [found.name for found in quantized.stateful_layers] == ["r"]


def test_an_input_that_is_neither_data_nor_a_first_state_is_refused(tmp_path):
    step = helper.make_tensor_value_info("step", TensorProto.INT64, [1])
    cut = helper.make_node("Slice", ["x", "zero", "end", "zero", "step"], ["cut"])
    tensors = [constant("zero", [0]), constant("end", [2**62])]
    nodes, weights = layer("GRU", "cut", "r")
    with pytest.raises(InputError, match="its input 'step' is neither the data nor what a layer starts from"):
        read(tmp_path, [([cut, *nodes], weights)], ["r_y"], [step], weights=tensors)


def test_first_states_whose_units_change_places_are_refused(tmp_path):
    turned = helper.make_node("Slice", ["h0", "end", "begin", "axis", "back"], ["h"], name="turn")
    tensors = [constant("end", [-1]), constant("begin", [-(2**62)]), constant("axis", [2]), constant("back", [-1])]
    with pytest.raises(InputError, match="operator Slice 'turn' slices what is no data"):
        read(tmp_path, [([turned], []), layer("GRU", "x", "r", first="h")], ["r_y"], [state("h0")], weights=tensors)
    joined = helper.make_node("Concat", ["h0", "h1"], ["h"], name="join", axis=2)
    with pytest.raises(InputError, match="operator Concat 'join' joins what is not both directions"):
        read(
            tmp_path, [([joined], []), layer("GRU", "x", "r", first="h")], ["r_y"], [state("h0", 2), state("h1", 3)]
        )  # fmt: skip


def test_first_states_that_are_worked_out_are_refused_by_what_does_it(tmp_path):
    product = helper.make_node("MatMul", ["h0", "w"], ["h"], name="product")
    with pytest.raises(InputError, match="operator MatMul 'product' takes what sequences start from"):
        read(
            tmp_path, [([product], []), layer("GRU", "x", "r", first="h")], ["r_y"], [state("h0")],
            weights=[constant("w", np.ones((UNITS, UNITS), np.float32))],
        )  # fmt: skip


def test_zeros_of_two_origins_are_joined(tmp_path):
    shape, rest = constant("shape", [1, 1, 2]), constant("rest", np.zeros((1, 1, 3), np.float32))
    value = numpy_helper.from_array(np.zeros(1, np.float32))
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["begin"], value=value),
        helper.make_node("Concat", ["begin", "rest"], ["h"], axis=2),
    ]
    network = read(
        tmp_path, [(nodes, []), layer("GRU", "x", "r", first="h")], ["r_y"], weights=[shape, rest]
    )  # fmt: skip
    assert network.notes == ()

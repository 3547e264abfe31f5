from __future__ import annotations

import numpy as np
import onnx
import pytest
from map_networks import CELLS as OVER_MAPS
from map_networks import random_map_network
from networks import CELLS, random_chain, random_codes, random_network

from ffhw.backends.onnx_runtime import OnnxRuntime
from ffhw.model import golden
from ffhw.onnx.export import to_onnx


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 12, 16])
@pytest.mark.parametrize(
    ("activation", "every_step", "tokens"),
    [("linear", True, 0), ("relu", False, 0), ("sigmoid", True, 6), ("argmax", False, 0)],
)
def test_runtime_equals_the_golden_model(bits, activation, every_step, tokens, rng):
    network = random_network(
        bits,
        inputs=3,
        units=(7, 4),
        outputs=3,
        bits=bits,
        activation=activation,
        return_sequences=every_step,
        tokens=tokens,
    )
    codes, lengths = golden.pad(random_codes(network, rng, [8, 1, 20, 5]))
    expected = golden.run(network, codes, lengths).outputs
    got = OnnxRuntime(network).run(codes, lengths).outputs
    assert got.shape == expected.shape
    assert np.array_equal(got, expected)


@pytest.mark.parametrize("bits", [1, 4, 8, 13])
@pytest.mark.parametrize("cell", CELLS.values())
def test_each_cell_equals_the_golden_model(cell, bits, rng):
    network = random_network(bits, inputs=3, units=(7, 4), outputs=3, bits=bits, cell=cell)
    codes, lengths = golden.pad(random_codes(network, rng, [8, 1, 20, 5]))
    expected = golden.run(network, codes, lengths).outputs
    got = OnnxRuntime(network).run(codes, lengths).outputs
    assert np.array_equal(got, expected)


@pytest.mark.parametrize("weights", ["ternary", "binary"])
@pytest.mark.parametrize("cell", ["jk", *CELLS.values()])
def test_weights_of_few_codes_equal_the_golden_model(cell, weights, rng):
    network = random_network(6, inputs=3, units=(7, 4), outputs=3, bits=4, cell=cell, weights=weights)
    codes, lengths = golden.pad(random_codes(network, rng, [8, 1, 20, 5]))
    got = OnnxRuntime(network).run(codes, lengths).outputs
    assert np.array_equal(got, golden.run(network, codes, lengths).outputs)


@pytest.mark.parametrize("bits", [1, 4, 12])
@pytest.mark.parametrize("kinds", ["kjd", "vjd", "ekl", "jyd", "jpa", "vkys", "jvvd", "eyd"])
def test_convolutions_and_pooling_equal_the_golden_model(kinds, bits, rng):
    network = random_chain(3, kinds, bits=bits, taps=3, stride=2)
    least = network.rhythm.least
    codes, lengths = golden.pad(random_codes(network, rng, [least, least + 5, least + 11, least + 1, 40]))
    expected = golden.run(network, codes, lengths).outputs
    got = OnnxRuntime(network).run(codes, lengths).outputs
    assert got.shape == expected.shape
    assert np.array_equal(got, expected)


@pytest.mark.parametrize("bits", [1, 4, 9])
@pytest.mark.parametrize("seed", range(8))
def test_both_directions_equal_the_golden_model(seed, bits, rng):
    network = random_chain(seed, ["qjq", "bd", "Bd", "bbB"][seed % 4], bits=bits)
    codes, lengths = golden.pad(random_codes(network, rng, [8, 1, 20, 5]))
    expected = golden.run(network, codes, lengths).outputs
    got = OnnxRuntime(network).run(codes, lengths).outputs
    assert np.array_equal(got, expected)


def test_extreme_weights_and_states_do_not_saturate_inside(rng):
    """The case in which 8-bit products of unsigned and signed numbers overflow on some processors."""
    from ffhw.layers.jk import JKLayer
    from ffhw.model.network import Network
    from ffhw.numbers.formats import Fixed, Unorm

    n = 64
    layer = JKLayer(
        "jk", Fixed(8, 7), Unorm(8), 8, 7, 7,
        rng.choice([-128, 127], (2, n, 4)), rng.choice([-128, 127], (2, n, n)), np.zeros((2, n), int),
    )  # fmt: skip
    network = Network("extreme", (layer,))
    codes = rng.choice([-128, 127], (4, 50, 4))
    assert np.array_equal(
        OnnxRuntime(network).run(codes).outputs,
        golden.run(network, codes).outputs,
    )


def test_graph_holds_standard_operators_and_integers_only():
    model = to_onnx(random_network(1, units=(5, 4)))
    assert {i.domain for i in model.opset_import} == {""}
    scans = [node for node in model.graph.node if node.op_type == "Scan"]
    assert len(scans) == 2
    nodes = [*model.graph.node, *(n for s in scans for n in s.attribute[-1].g.node or s.attribute[0].g.node)]
    assert not [n.op_type for n in nodes if n.domain]
    kinds = {tensor.data_type for tensor in model.graph.initializer}
    assert kinds <= {onnx.TensorProto.INT32, onnx.TensorProto.INT64}


def test_batch_and_time_are_free():
    model = to_onnx(random_network(1))
    dims = model.graph.input[0].type.tensor_type.shape.dim
    assert [d.dim_param or d.dim_value for d in dims] == ["batch", "time", 3]


@pytest.mark.parametrize("bits", [1, 4, 12])
@pytest.mark.parametrize(("seed", "kinds"), enumerate(["rc", "lpd", "cb", "brc", "ccr", "bpd", "cc", "b", "bc"]))
@pytest.mark.parametrize("cell", OVER_MAPS)
def test_layers_over_maps_equal_the_golden_model(cell, seed, kinds, bits, rng):
    network = random_map_network(seed, kinds, cell, bits, rows=7, columns=6)
    codes, lengths = golden.pad(random_codes(network, rng, [6, 1, 4, 2]))
    expected = golden.run(network, codes, lengths)
    got = OnnxRuntime(network).run(codes, lengths)
    assert np.array_equal(got.outputs, expected.outputs)
    assert got.states.keys() == expected.states.keys()
    for name, state in expected.states.items():
        assert np.array_equal(got.states[name], state)

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from networks import random_network

from ffhw.errors import InputError, OutputError
from ffhw.layers.base import NetworkError
from ffhw.layers.dense import DenseLayer
from ffhw.layers.embedding import EmbeddingLayer
from ffhw.layers.jk import JKLayer
from ffhw.model.network import Network
from ffhw.numbers.formats import Fixed, Index, Unorm


def jk(**changes):
    fields = {
        "name": "jk",
        "input": Fixed(4, 2),
        "state": Unorm(4),
        "weight_bits": 4,
        "frac_x": 2,
        "frac_h": 3,
        "weights_x": np.ones((2, 3, 2), int),
        "weights_h": np.ones((2, 3, 3), int),
        "bias": np.zeros((2, 3), int),
    }
    return JKLayer(**{**fields, **changes})


def dense(**changes):
    fields = {
        "name": "dense",
        "input": Unorm(4),
        "output": Fixed(4, 2),
        "activation": "linear",
        "weight_bits": 4,
        "frac": 2,
        "weights": np.ones((2, 3), int),
        "bias": np.zeros(2, int),
    }
    return DenseLayer(**{**fields, **changes})


def test_accumulator_aligns_both_products():
    layer = jk()
    # x product: 2 + 2 fraction bits, h product: 3 + 4, table index: 2
    assert (layer.acc_frac, layer.shift_x, layer.shift_h, layer.gate_shifts) == (7, 3, 0, (5, 5))


def test_accumulator_is_never_coarser_than_the_table():
    layer = jk(frac_x=-9, frac_h=-9)
    assert layer.gate_shifts == (0, 0)
    assert layer.shift_h == 7


def test_accumulator_bound_counts_every_term():
    layer = jk(bias=np.full((2, 3), -5))
    # 2 inputs of magnitude 8 shifted by 3, 3 states of 15, and the bias
    assert layer.acc_bound == 2 * (8 << 3) + 3 * 15 + 5
    assert layer.acc_width == 9


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights_x": np.ones((2, 3, 2))}, r"weights_x must hold integers, not float64"),
        ({"weights_x": np.full((2, 3, 2), 8)}, r"weights_x must be from -8 to 7, found 8 to 8"),
        ({"weights_h": np.ones((2, 3, 2), int)}, r"weights_h must be of 3 states or of none, not of 2"),
        ({"weights_x": np.ones((2, 3, 0), int)}, r"weights_x must have shape"),
        ({"bias": np.zeros(3, int)}, r"bias must have shape \(2, 3\), not \(3,\)"),
        ({"weight_bits": 17}, r"weight_bits must be from 1 to 16, not 17"),
        ({"weight_bits": "octal"}, r"^layer 'jk': weight_bits must be from 1 to 16, ternary or binary, not 'octal'$"),
        ({"weight_bits": ["binary"]}, r"^layer 'jk': weight_bits must be an integer, not \['binary'\]$"),
        ({"weight_bits": "ternary", "weights_x": np.full((2, 3, 2), 2)}, r"weights_x must be from -1 to 1, found 2"),
        ({"weight_bits": "binary", "weights_x": np.zeros((2, 3, 2), int)}, r"must be -1 or 1 \(binary\), found 0$"),
        ({"state": Fixed(4, 2)}, r"state must be Unorm, not Fixed\(4, frac=2\)"),
        ({"input": Index(5)}, r"cannot take Index\(5\) as input"),
        ({"frac_x": -60, "weights_x": np.full((2, 3, 2), 7)}, r"accumulators reach [\d^]+, over the limit of 2\^53"),
    ],
)
def test_jk_layer_refuses(changes, message):
    with pytest.raises(NetworkError, match=message):
        jk(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"activation": "tanh"}, r"activation must be one of linear, relu, sigmoid, argmax, not 'tanh'"),
        ({"activation": "sigmoid"}, r"sigmoid gives Unorm, not Fixed"),
        ({"activation": "argmax", "output": Index(3)}, r"argmax of 2 outputs gives Index\(2\), not Index\(3\)"),
    ],
)
def test_dense_layer_refuses(changes, message):
    with pytest.raises(NetworkError, match=message):
        dense(**changes)


def test_embedding_refuses_a_table_of_another_size():
    with pytest.raises(NetworkError, match=r"table must have shape \(5, -1\), not \(4, 2\)"):
        EmbeddingLayer("e", Index(5), Fixed(4, 2), np.zeros((4, 2), int))


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ((), r"^a network needs at least one layer$"),
        ((jk(), dense(input=Unorm(5))), r"layer 'dense' after 'jk': takes Unorm\(5\), is given Unorm\(4\)"),
        ((jk(), dense(weights=np.ones((2, 4), int))), r"takes 4 codes a step, is given 3"),
        ((jk(), jk(input=Unorm(4), weights_x=np.ones((2, 3, 3), int))), r"layer names must differ"),
    ],
)
def test_network_refuses(layers, message):
    with pytest.raises(NetworkError, match=message):
        Network("n", layers)


def test_arrays_cannot_be_changed_and_do_not_follow_the_callers():
    weights = np.ones((2, 3, 2), int)
    layer = jk(weights_x=weights)
    weights[:] = 3
    assert (layer.weights_x == 1).all()
    with pytest.raises(ValueError, match="read-only"):
        layer.weights_x[0, 0, 0] = 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        layer.frac_x = 3


@pytest.mark.parametrize("activation", ["linear", "relu", "sigmoid", "argmax"])
def test_save_and_load_give_the_same_network(tmp_path, activation):
    network = random_network(1, activation=activation, tokens=5)
    network.save(tmp_path / "n.npz")
    assert Network.load(tmp_path / "n.npz").to_bytes() == network.to_bytes()


def test_equal_networks_give_equal_bytes():
    assert random_network(1).to_bytes() == random_network(1).to_bytes()
    assert random_network(1).to_bytes() != random_network(2).to_bytes()


def test_load_of_other_files(tmp_path):
    path = tmp_path / "x.npz"
    with pytest.raises(InputError, match=r"does not exist$"):
        Network.load(path)
    for content in (b"", b"text", b"PK\x03\x04 broken"):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"is not a quantized network written by ffhw"):
            Network.load(path)
    np.savez(path, a=np.zeros(3))
    with pytest.raises(InputError, match=r"is not a quantized network written by ffhw"):
        Network.load(path)


def test_load_of_a_cut_file(tmp_path):
    path = tmp_path / "n.npz"
    content = random_network(1).to_bytes()
    for size in range(0, len(content), 97):
        path.write_bytes(content[:size])
        with pytest.raises(InputError):
            Network.load(path)


def test_load_runs_no_pickled_code(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("code from a file was executed",))

    np.savez(tmp_path / "n.npz", header=np.array([Trap()], dtype=object))
    with pytest.raises(InputError, match="is not a quantized network"):
        Network.load(tmp_path / "n.npz")


def test_save_to_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(OutputError, match=r"^cannot write .*No such file or directory$"):
        random_network(1).save(tmp_path / "no" / "n.npz")

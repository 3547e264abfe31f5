"""Hardware for any weights of its formats: two networks of the same formats differ in what their memories hold."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from bundles import bundle_of
from networks import CELLS, random_bidirectional, random_cell, random_dense, random_network

from ffhw.export import generate
from ffhw.hdl.plan.chain import fold
from ffhw.layers.base import NetworkError
from ffhw.model.network import Network
from ffhw.numbers.formats import Fixed
from ffhw.sim.check import Check, simulate


def generic_network(cell, seed):
    options = {"tokens": 7} if cell == "embedding" else {"cell": cell} if cell != "sigmoid" else {"activation": cell}
    if cell == "bidirectional":
        rng = np.random.default_rng(seed)
        both = random_bidirectional(rng, "lstm", "concat", "both", Fixed(6, 4), 4, 3, 6, 16, True)
        return Network("both", (both, random_dense(rng, "dense", both.output, 2, 8, 6, "argmax"))).generic()
    return random_network(seed, inputs=3, units=(5,), outputs=3, bits=6, **options).generic()


KINDS = sorted({*CELLS.values(), "jk", "embedding", "sigmoid", "bidirectional"})


@pytest.mark.parametrize("kind", KINDS)
def test_weights_change_no_verilog(kind):
    first, second = (
        generate(network, fold(network, 2, 1), generic=True) for network in (generic_network(kind, n) for n in (1, 2))
    )
    assert first.keys() == second.keys()
    changed = {name for name in first if first[name] != second[name]}
    trained = {name for name in first if name.startswith("ffhw_weights_")}
    assert changed == trained
    assert len(trained) >= 2
    assert first["ffhw_top.v"].count('(* ram_style = "block" *)') == len(trained)


def test_the_largest_weights_fit(rng):
    """Accumulators of the generic width hold the sums of the largest weights and states, and as large a bias."""
    layer = random_cell(rng, "gru", "gru", Fixed(8, 6), 6, 4, 8)
    generic = layer.generic()
    low = -(1 << 7)
    largest = {name: np.full_like(getattr(layer, name), low) for name in ("weights_x", "weights_h")}
    sums = dataclasses.replace(layer, **largest, bias=layer.bias * 0).acc_bound
    worst = dataclasses.replace(generic, **largest, bias=np.full_like(layer.bias, sums))
    assert layer.acc_width < worst.acc_width == generic.acc_width
    assert worst.candidate_bound < 1 << (worst.candidate_width - 1)
    with pytest.raises(
        NetworkError, match=r"^layer 'gru': weights and biases need accumulators of \d+ bits, its hardw"
    ):
        dataclasses.replace(generic, bias=np.full_like(layer.bias, 1 << generic.acc_bits))


def test_other_networks_are_described_as_they_were(rng):
    layer = random_cell(rng, "jk", "jk", Fixed(8, 6), 6, 4, 8)
    assert "acc_bits" not in layer.describe()
    network = Network("one", (layer.generic(),))
    assert network.describe()["layers"][0]["acc_bits"] == layer.generic().acc_width
    assert network.generic().describe() == network.describe()


@pytest.mark.simulation
def test_generic_hardware_computes_the_network(tmp_path):
    """Of the cell whose width follows from accumulators by more than one way."""
    generic = {"scales": [], "argmax": False, "max_steps": 16}
    bundle = bundle_of(tmp_path, generic_network("gru", 3), 2, generic=generic)
    result = simulate(bundle.path, Check(every=True, internals=True))
    assert result["compared"] > 100

"""Weights of -1, 0, 1 and of -1, 1: designs without multipliers, the same cycles, every code."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest
from harness import expected_outputs, simulate
from networks import CELLS, random_bidirectional, random_chain, random_codes, random_dense, random_network

from ffhw.export import generate
from ffhw.hdl.design import Design
from ffhw.hdl.plan.chain import fold, plans
from ffhw.hdl.plan.choose import choose, needs
from ffhw.hdl.plan.devices import HX8K, UP5K
from ffhw.hdl.plan.performance import predict
from ffhw.model.network import Network
from ffhw.numbers.formats import Fixed

FEW = ("ternary", "binary")
# S divides neither the inputs nor the states: what is past a vector's end must not be counted
SHAPE = {"inputs": 4, "units": (5,), "outputs": 2}


def check(network, lanes, simd, rng, lengths, stalls=0.0):
    """All outputs, with something past each vector's end; without stalls the predicted cycles as well."""
    foldings = fold(network, lanes, simd)
    sequences = random_codes(network, rng, lengths)
    run = simulate(Design(network=network, foldings=foldings), sequences, stalls=stalls, past=1)
    assert [o.tolist() for o in run.outputs] == [e.tolist() for e in expected_outputs(network, sequences)]
    if not stalls:
        assert set(np.diff(run.sent)[-4:]) == {predict(network, foldings).cycles_per_step}


@pytest.mark.parametrize("weights", ["ternary", pytest.param("binary", marks=pytest.mark.long)])
@pytest.mark.parametrize("cell", ["jk", *CELLS.values()])
def test_each_cell(cell, weights, rng):
    bits = 1 if cell in ("sr", "toggle") else 4
    check(random_network(3, **SHAPE, bits=bits, cell=cell, weights=weights), 2, 3, rng, [3, 1, 7])


@pytest.mark.parametrize("weights", FEW)
@pytest.mark.parametrize("kinds", ["kjy", "eva", "jqs"])
def test_chains(kinds, weights, rng):
    network = random_chain(4, kinds, bits=3, taps=2, stride=1, weights=weights)
    check(network, 2, 2, rng, [5, 2, 8], stalls=0.3)


@pytest.mark.parametrize("weights", FEW)
def test_both_directions(weights, rng):
    both = random_bidirectional(rng, "jk", "concat", "both", Fixed(4, 2), 3, 4, 4, 16, True, weights)
    network = Network("both", (both, random_dense(rng, "dense", both.output, 2, 6, 4, "linear", weights)))
    check(network, 2, 4, rng, [5, 2, 6], stalls=0.3)


@pytest.mark.parametrize(("weights", "bits"), [("ternary", 2), ("binary", 1)])
def test_memories_hold_as_few_bits_as_there_are(weights, bits):
    network = random_network(1, **SHAPE, bits=1, weights=weights)
    foldings = fold(network, 2, 2)
    files = generate(network, foldings)
    for plan in plans(network, foldings):
        words = (plan.schedule.ideal_cycles, plan.schedule.macs * bits)
        assert words in [(len(text.split()), len(text.split()[0])) for name, text in files.items() if ".mem" in name]
    # what multiplies is a state update of more than one bit, and there is none
    assert not re.search(r"[\w)\]] \* [\w(]", files["ffhw_top.v"])


def test_the_lanes_count_no_multipliers():
    eight, few = (random_network(1, inputs=6, units=(16,), bits=8, weights=weights) for weights in (None, "ternary"))
    foldings = fold(eight, 8, 1)
    most, least = (predict(network, foldings) for network in (eight, few))
    # two finishers of two products each are left of the JK layer
    lanes = sum(engine.macs for engine in most.engines)
    assert most.multipliers - least.multipliers == lanes == 16 + 2
    assert least.cycles_per_step == most.cycles_per_step
    assert least.latency_cycles == most.latency_cycles


def test_a_device_is_filled_as_its_logic_allows():
    """Where weights need no multipliers, their number does not bind; and nothing larger than needed is chosen."""
    eight, few = (random_network(1, inputs=12, units=(64,), bits=8, weights=weights) for weights in (None, "binary"))
    fastest = {network: predict(network, choose(network, UP5K)).cycles_per_step for network in (eight, few)}
    assert fastest[few] < fastest[eight] / 3
    assert choose(few, HX8K)
    modest = choose(few, UP5K, rate=1000.0)
    assert needs(few, modest, UP5K)["luts"] < needs(few, choose(few, UP5K), UP5K)["luts"] / 1.5


def test_hardware_for_any_weights():
    first, second = (random_network(seed, **SHAPE, bits=4, weights="binary").generic() for seed in (1, 2))
    one, other = (generate(network, fold(network, 2, 1), generic=True) for network in (first, second))
    assert {name for name in one if one[name] != other[name]} == {n for n in one if n.startswith("ffhw_weights_")}
    layer = first.layers[0]
    largest = {name: np.full_like(getattr(layer, name), -1) for name in ("weights_x", "weights_h")}
    assert dataclasses.replace(layer, **largest).acc_width == layer.acc_width

"""The claim that started this: a JK layer takes half of what an LSTM of the same size takes, from one generator."""

from __future__ import annotations

import pytest
from harness import simulate
from networks import random_codes, random_network

from ffhw.hdl.design import Design
from ffhw.hdl.plan.chain import complete, plans
from ffhw.hdl.plan.folding import Folding
from ffhw.hdl.plan.performance import predict

# Multipliers of the lanes, the same for both.
MULTIPLIERS = 12


def designed(cell, units, inputs, bits=8):
    network = random_network(1, inputs=inputs, units=(units,), outputs=0, bits=bits, cell=cell)
    (layer,) = network.layers
    foldings = complete(network, [Folding(MULTIPLIERS // layer.gates, 1)])
    return network, foldings


def figures(cell, units, inputs):
    network, foldings = designed(cell, units, inputs)
    (layer,), (plan,) = network.layers, plans(network, foldings)
    products, macs = plan.useful_products()
    assert macs == MULTIPLIERS
    return {
        "multiplications": products,
        "weight memory": sum(matrix.size for matrix in layer.matrices) * layer.weight_bits,
        "cycles": predict(network, foldings).cycles_per_step,
        "state memory": sum(fmt.bits for fmt in layer.state_formats) * units,
    }


@pytest.mark.parametrize("inputs", [3, 16])
@pytest.mark.parametrize("units", [16, 32, 64, 128])
def test_half_of_an_lstm(units, inputs):
    jk, lstm = figures("jk", units, inputs), figures("lstm", units, inputs)
    for name in ("multiplications", "weight memory", "cycles"):
        assert jk[name] <= 0.55 * lstm[name], name
    # an LSTM's test layer has a cell state two bits wider than h
    assert jk["state memory"] <= 0.5 * lstm["state memory"]


def test_the_cycles_are_those_of_the_hardware(rng):
    for cell in ("jk", "lstm"):
        network, foldings = designed(cell, 16, 3)
        run = simulate(Design(network=network, foldings=foldings), random_codes(network, rng, [24]))
        assert {b - a for a, b in zip(run.sent[-6:], run.sent[-5:], strict=False)} == {
            predict(network, foldings).cycles_per_step
        }

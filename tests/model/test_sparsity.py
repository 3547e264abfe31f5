"""Shares of what does not change and of what is zero, on networks whose answer is known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from networks import random_chain

from ffhw.layers.jk import FloatJK
from ffhw.model import golden
from ffhw.model.data import Data
from ffhw.model.floatnet import FloatNetwork
from ffhw.model.quantize import quantize
from ffhw.model.sparsity import _still_codes, sparsity
from ffhw.numbers.scales import Widths


def flip_flops(bias_j, bias_k, weights=0.0):
    """Two flip-flops with gates that only their biases move, and a readout of nothing."""
    wx, wh = np.full((2, 2, 1), weights), np.zeros((2, 2, 2))
    bias = np.array([[bias_j, bias_j], [bias_k, bias_k]], float)
    return FloatNetwork("known", (FloatJK("jk", wx, wh, bias, True),))


def shares(network, data):
    return sparsity(network, quantize(network, data.x, data.lengths, Widths(8)), data)


DATA = Data(np.ones((3, 10, 1)), np.array([10, 10, 4]))


def test_flip_flops_that_hold_hold_exactly():
    # J = K = 0: the state stays where it began
    found = shares(flip_flops(-30, -30), DATA)
    assert found["unchanged_states"] == {"float": 1.0, "codes": 1.0}
    assert found["zero_weights"] == {"float": 1.0, "codes": 1.0}


def test_flip_flops_that_toggle_never_do():
    # J = K = 1: the state is the other one in each step
    found = shares(flip_flops(30, 30), DATA)
    assert found["unchanged_states"] == {"float": 0.0, "codes": 0.0}


def test_padding_does_not_count():
    # set at once: one of the steps of each sequence changes the states
    found = shares(flip_flops(30, -30, weights=1.0), DATA)
    steps = 10 + 10 + 4
    assert found["unchanged_states"]["codes"] == pytest.approx((steps - 3) / steps)
    assert found["unchanged_states"]["float"] == found["unchanged_states"]["codes"]
    assert found["zero_weights"]["float"] == pytest.approx(4 * 2 / (4 * 2 + 2 * 2))


@pytest.mark.parametrize("kinds", ["jd", "gmd", "kjd", "xtnd"])
def test_codes_are_counted_in_every_state(kinds):
    network = random_chain(3, kinds)
    rng = np.random.default_rng(1)
    codes = rng.integers(network.input.min, network.input.max, (4, 12, network.input_size), endpoint=True)
    lengths = np.array([12, 9, 12, 7])
    data = Data(codes / network.input.scale, lengths)
    traces = golden.run(network, network.encode(data.x), lengths, trace=True).traces
    same = total = 0
    steps = lengths
    for layer in network.layers:
        for signal in getattr(layer, "state_signals", ()):
            for row, length in zip(traces[layer.name][signal], steps, strict=True):
                before = np.zeros(row.shape[1], int)
                for now in row[:length]:
                    same, total, before = same + int((now == before).sum()), total + len(now), now
        steps = layer.rhythm.steps(steps)
    assert _still_codes(network, data) == same / total


def test_networks_without_a_state_have_none():
    network = random_chain(3, "dd")
    data = Data(np.zeros((2, 5, network.input_size)), np.array([5, 5]))
    assert _still_codes(network, data) is None


def test_biases_are_no_weights():
    network = flip_flops(-30, -30, weights=1.0)
    (layer,) = network.layers
    network = dataclasses.replace(network, layers=(dataclasses.replace(layer, bias=np.zeros((2, 2))),))
    assert shares(network, DATA)["zero_weights"]["float"] == pytest.approx(8 / 12)

from __future__ import annotations

import numpy as np
import pytest
from known import flip_flop_latches, latches

from ffhw.layers.dense import FloatDense
from ffhw.layers.jk import FloatJK
from ffhw.model.floatnet import FloatNetwork
from ffhw.model.quantize import quantize
from ffhw.numbers.formats import Fixed, Unorm
from ffhw.numbers.scales import Widths
from ffhw.training.analysis.cells import CellWeights
from ffhw.training.analysis.dynamics import Dynamics, QuantizedDynamics
from ffhw.training.analysis.holding import hold, long_holds, silent_holds
from ffhw.training.tasks.flipflop import FlipFlopTask

TASK = FlipFlopTask()
MILLION = 1_000_000


def test_latches_hold_for_ever():
    data = silent_holds(latches(), TASK, MILLION, seed=1)
    assert data["for_ever"]
    assert data["watched"] < 10_000
    assert data["memories_kept"] == 1.0
    assert data["ends"] == 8


def test_weak_latches_forget():
    data = silent_holds(latches(gain=0.99), TASK, 200_000, seed=1)
    assert data["memories_kept"] == 0.0
    assert data["ends"] == 1
    assert 0 < max(data["lost_at"]) < 1000


def test_when_a_memory_is_lost():
    """h falls by 1 % a step from 1; the output h - 1/2 is under a tenth from step 51 on: 0.99^51 < 0.6 < 0.99^50."""
    system = Dynamics(
        "leak",
        "ctrnn",
        CellWeights(np.zeros((1, 1)), np.zeros((1, 1)), np.zeros(1), alpha=0.01),
        np.ones((1, 1)),
        np.array([-0.5]),
    )
    held = hold(system, np.ones((1, 1)), np.zeros(1), 5000, np.ones((1, 1)))
    assert held.lost.tolist() == [51]
    assert held.period.tolist() == [0]
    assert not held.for_ever


def rotation():
    """A state that returns after exactly four steps: a quarter turn, which rounding leaves alone."""

    class Turn:
        name, cell, units, inputs, state_size = "turn", "rnn", 2, 1, 2

        def run(self, x, start=None):
            states = np.empty((len(x), x.shape[1], 2))
            for t in range(x.shape[1]):
                start = np.stack([-start[:, 1], start[:, 0]], axis=-1)
                states[:, t] = start
            return states, states

    return Turn()


def test_periods_are_exact():
    held = hold(rotation(), np.array([[1.0, 0.5], [0.0, 0.0]]), np.zeros(1), MILLION, np.ones((2, 2)))
    assert held.period.tolist() == [4, 1]
    assert held.watched == 1000
    assert held.lost.tolist() == [1, 1]


def test_noise_is_harmless_to_a_strong_latch_and_not_to_a_weak_one():
    strong = long_holds(latches(), TASK, (1, 10), repeats=2, seed=3)
    assert strong["bits_right"] == [1.0, 1.0]
    assert strong["steps"] == [350, 3500]
    assert strong["sequences"] == 16
    weak = long_holds(latches(gain=0.99), TASK, (1, 10), repeats=2, seed=3)
    assert weak["bits_right"][1] < 0.8


def quantized_flip_flops(bits, units):
    """Flip-flops that nothing drives: every code of the gates' tables at rest is 0."""
    jk = FloatJK("jk", np.zeros((2, units, 1)), np.zeros((2, units, units)), np.full((2, units), -30.0), True)
    net = FloatNetwork("idle", (jk, FloatDense("out", np.ones((1, units)) / units, np.zeros(1), "linear")))
    return QuantizedDynamics(quantize(net, np.ones((1, 4, 1)), np.array([4]), Widths(bits)))


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 12])
def test_no_code_drifts_where_the_gates_are_zero(bits):
    """All codes, a unit each: every one returns after one step, so it stays for a million, and for ever."""
    units = min(1 << bits, 256)
    system = quantized_flip_flops(bits, units)
    j, k, _ = system.gates(np.zeros((1, 3, 1)))
    assert not j.any()
    assert not k.any()
    for codes in np.arange(1 << bits).reshape(-1, units):
        held = hold(system, Unorm(bits).dequantize(codes)[None], np.zeros(1), MILLION, np.ones((1, 1)))
        assert held.period.tolist() == [1]
        assert held.drift == 0.0


def test_a_float_flip_flop_drifts_where_its_gates_are_small():
    """The same neuron in floating point: J = K = sigmoid(-9) pull every state towards 1/2, within 4,000 steps."""
    system = flip_flop_latches(channels=1, bias=-9.0)
    held = hold(system, np.array([[1.0], [0.25]]), np.zeros(1), 20_000, np.array([[1.0], [-1.0]]))
    assert held.end == pytest.approx(0.5, abs=0.01)


def test_the_tour_of_writing_gives_all_memories():
    x, signs = TASK.write(seed=1, steps=50)
    assert x.shape == (8, 90, 3)
    assert len({tuple(s) for s in signs}) == 8
    assert np.array_equal(np.sign(x[:, :20].sum(axis=1)), signs)
    assert np.abs(x[:, 20:]).max() < 0.6
    assert isinstance(quantized_flip_flops(8, 2).network.output, Fixed)

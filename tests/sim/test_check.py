from __future__ import annotations

import numpy as np
import pytest
from networks import random_codes, random_network

from ffhw.bundle import write_bundle
from ffhw.errors import MismatchError
from ffhw.export import bundle_files
from ffhw.hdl.plan.chain import fold
from ffhw.model.data import Data
from ffhw.sim import check as check_module
from ffhw.sim.check import LEAST_CODES, Check, affordable, more_sequences, simulate, steady_interval, within_budget
from ffhw.sim.compare import run_codes
from ffhw.sim.loads import random_loads, runs, start_states
from ffhw.sim.scenario import Interface


@pytest.mark.parametrize(
    ("lengths", "steps", "kept"),
    [([10, 10], 100, [10, 10]), ([10, 30], 25, [10, 15]), ([100], 3, [3]), ([20, 20], 20, [20])],
)
def test_budget_cuts_the_last_sequence(lengths, steps, kept):
    sequences = [np.arange(n)[:, None] for n in lengths]
    assert [len(s) for s in within_budget(sequences, steps)] == kept


@pytest.mark.parametrize(("cycles", "steps"), [(10, 100), (100, 16), (625, 16), (626, 2), (161_200, 2)])
def test_slow_designs_get_steps_for_their_pace_to_settle_or_two(cycles, steps):
    assert affordable(1000, cycles) == steps


def accepted(lengths, gap):
    """Cycles of accepted beats, one a step, with a given number of cycles between steps."""
    return np.cumsum(np.full(sum(lengths), gap))


def test_pace_is_read_from_the_steady_state():
    sequences = [np.zeros((n, 1)) for n in (5, 30)]
    assert steady_interval(accepted([5, 30], 7), 1, sequences, predicted=7) == 7
    assert steady_interval(accepted([5, 30], 9), 1, sequences, predicted=7) == 9


def test_short_or_unsettled_runs_do_not_tell():
    assert steady_interval(accepted([5, 5], 7), 1, [np.zeros((5, 1))] * 2, predicted=7) is None
    # buffers still fill: the first engine is faster than the design
    assert steady_interval(accepted([30], 5), 1, [np.zeros((30, 1))], predicted=7) is None


def bundle(folder, network, lengths, keep_state=False, spoil=lambda name, text: text):
    """A bundle of a network with test vectors of these lengths."""
    lengths = np.array(lengths)
    x = np.random.default_rng(4).normal(size=(len(lengths), lengths.max(), network.input_size))
    files = bundle_files(network, fold(network, 1, 1), Data(x, lengths), keep_state=keep_state)
    write_bundle(folder, {name: spoil(name, text) for name, text in files.items()})
    return folder


@pytest.mark.long
@pytest.mark.simulation
def test_states_are_loaded_and_carried_in_both_drivers(tmp_path, icarus):
    network = random_network(3, inputs=2, units=(4, 3), outputs=2, bits=5)
    path = bundle(tmp_path / "build", network, [4, 1, 1, 6, 2, 3, 9, 1] * 5, keep_state=True)
    plain = simulate(path, Check(simulator=icarus))
    assert plain["sequences"] == 8
    assert plain["steps"] == 27
    assert 0 < plain["loaded_states"] < 16
    # the outputs of each step and two states a sequence, twice; the compiled driver adds the rest
    assert plain["compared"] - plain["compared_compiled"] == 2 * (27 * 2 + 8 * 7)
    assert plain["compared"] >= LEAST_CODES
    every = simulate(path, Check(every=True))
    assert every["sequences"] == 40
    assert every["loaded_states"] > 20
    assert every["compared"] == 135 * 2 + 40 * 7


@pytest.mark.simulation
@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_state_that_is_not_loaded_is_found(tmp_path, icarus, every):
    """An engine that takes a loaded state for zero."""

    def spoil(name, text):
        if not name.endswith("ffhw_top.v"):
            return text
        changed = text.replace("s_axis_state_1_tdata[", "1'b0 & s_axis_state_1_tdata[", 1)
        assert changed != text
        return changed

    network = random_network(3, inputs=2, units=(4, 3), outputs=2, bits=5)
    path = bundle(tmp_path / "build", network, [4, 1, 1, 6, 2, 3, 9, 1], keep_state=True, spoil=spoil)
    with pytest.raises(MismatchError, match=r"^RTL and golden model differ .*; waves (in|of that sequence in) "):
        simulate(path, Check(simulator="verilator" if every else icarus, every=every))


@pytest.mark.long
@pytest.mark.simulation
def test_a_step_too_long_for_cocotb_is_compared_in_enough_codes(tmp_path, icarus, monkeypatch):
    monkeypatch.setattr(check_module, "COCOTB_CYCLES", 2_000)
    monkeypatch.setattr(check_module, "ADDED_CYCLES", 500_000)
    network = random_network(3, inputs=8, units=(12,), outputs=1, bits=4, return_sequences=False)
    path = bundle(tmp_path / "build", network, [12] * 3)
    result = simulate(path, Check(simulator=icarus))
    # 16 steps, two sequences, were all; the other codes are the answers to shorter pieces
    assert result["steps"] == 16
    assert result["compared_compiled"] == result["compared"] - 2 * 2
    assert result["compared"] == LEAST_CODES


@pytest.mark.parametrize("every_step", [True, False])
def test_added_sequences_are_enough_and_within_the_budget(every_step, rng):
    network = random_network(3, inputs=2, units=(4,), outputs=3, bits=5, return_sequences=every_step)
    interface = Interface(network, fold(network, 1, 1))
    sequences = random_codes(network, rng, [5, 20, 1])
    added = more_sequences(interface, sequences, 1000, 400)
    assert 1000 <= sum(run_codes(interface, added).values()) < 1000 + 3
    assert sum(len(s) for s in added) <= 400
    assert np.array_equal(added[2], sequences[2])


def test_each_sequence_starts_from_its_loaded_or_carried_states(rng):
    network = random_network(3, inputs=2, units=(4, 3), outputs=0, bits=5)
    sequences = random_codes(network, rng, [2, 3, 1, 4])
    loads = {2: {1: np.array([1, 2, 3])}}
    results = list(runs(network, sequences, loads, keep_state=True))
    before = results[1].states
    assert np.array_equal(start_states(network, sequences, loads, 2)[0], before["jk_0"][0])
    assert start_states(network, sequences, loads, 2)[1].tolist() == [1, 2, 3]
    assert start_states(network, sequences, loads, 0)[0].tolist() == [0, 0, 0, 0]
    # what was loaded later has not crept into what was given before
    assert np.array_equal(list(runs(network, sequences[:2], None, keep_state=True))[1].states["jk_1"], before["jk_1"])


def test_loads_are_random_subsets_and_reach_the_ends_of_the_range():
    network = random_network(3, inputs=2, units=(4, 3), outputs=0, bits=5)
    loads = random_loads(network, 200, 1)
    counts = [sum(number in states for states in loads.values()) for number in (0, 1)]
    assert all(70 < count < 130 for count in counts)
    assert {0, 31} <= {int(v) for states in loads.values() for v in states.get(0, [])}
    again = random_loads(network, 200, 1)
    assert all(np.array_equal(again[s][n], loads[s][n]) for s in loads for n in loads[s])

"""Convolutions, pooling and both directions on both simulators; sequences of a bad length cost themselves only."""

from __future__ import annotations

import numpy as np
import pytest
from networks import random_chain, random_codes

from ffhw.errors import MismatchError
from ffhw.export import generate
from ffhw.hdl.plan.chain import fold
from ffhw.hdl.plan.performance import predict
from ffhw.sim.batch import BatchSimulator
from ffhw.sim.check import measure_interval
from ffhw.sim.cocotb_runner import CocotbSimulator
from ffhw.sim.compare import compare_batch, ports_of
from ffhw.sim.observed import Beats, Observation
from ffhw.sim.scenario import Interface, build_scenario

pytestmark = pytest.mark.simulation

# kinds, bits, lanes, simd, taps, stride, steps of an average
GRID = [("vjyd", 4, 2, 2, 3, 2, 70), ("kjd", 8, 2, 2, 3, 1, 64), ("bBd", 4, 2, 2, 1, 1, 16)]
WIDE_GRID = [
    ("kjd", 1, 1, 1, 4, 1, 64),
    ("vjd", 2, 3, 2, 2, 3, 64),
    ("ekj", 4, 1, 1, 3, 1, 64),
    ("evl", 12, 2, 2, 2, 2, 64),
    ("jyd", 1, 1, 1, 1, 1, 5),
    ("jy", 12, 4, 4, 1, 1, 64),
    ("jps", 2, 2, 1, 1, 1, 64),
    ("ey", 8, 1, 1, 1, 1, 16),
    ("kvpa", 4, 2, 2, 3, 2, 64),
    ("jkyd", 8, 6, 2, 5, 1, 7),
    ("qmqd", 8, 1, 2, 1, 1, 33),
]


def build(kinds, bits, lanes, simd, taps, stride, steps, folder, keep_state=False):
    network = random_chain(3, kinds, bits=bits, taps=taps, stride=stride, steps=steps)
    foldings = fold(network, lanes, simd)
    for name, text in generate(network, foldings, keep_state=keep_state, probe=True).items():
        (folder / name).write_text(text)
    return Interface(network, foldings, keep_state=keep_state, probe=True), predict(network, foldings)


def lengths_of(network):
    """Sequences back to back: the shortest and the longest ones, and those beyond, where there are such."""
    least, most = network.rhythm.least, network.max_steps or 60
    return [1, most + 3, least, most, most + 1, most + 9, 1, 1, 2, least, most + 1, least + 5, most, 30]


@pytest.mark.parametrize(
    "options", [*GRID, *(pytest.param(row, marks=pytest.mark.slow) for row in WIDE_GRID)], ids=lambda row: row[0]
)
def test_batch(options, tmp_path, rng):
    interface, predicted = build(*options, tmp_path)
    network = interface.network
    simulator = BatchSimulator(tmp_path, ports_of(interface))
    for stalls in (0.0, 0.4):
        sequences = random_codes(network, rng, lengths_of(network))
        run, _ = compare_batch(simulator, interface, sequences, predicted.cycles_per_step, stalls=stalls)
        assert run.marks.any() == network.guarded
    long = random_codes(network, rng, [50])
    interval = measure_interval(simulator, interface, long, predicted.cycles_per_step, predicted.period_steps)
    assert interval in (None, predicted.period_cycles)
    assert interval is not None or (network.max_steps or 1000) < 100
    if options == GRID[0]:
        observe(interface, simulator, rng)


def observe(interface, simulator, rng):
    """What a netlist's simulation records of sources that know nothing of lengths is what hardware answers."""
    network = interface.network
    sequences = random_codes(network, rng, [*rng.integers(1, 14, 20).tolist(), 3, network.max_steps + 4])
    run, _ = compare_batch(simulator, interface, sequences, 100)

    def beats(codes, last, cycles, packing):
        cycles = cycles.reshape(-1, packing.beats)
        return Beats(codes, np.asarray(last, bool), cycles[:, 0], cycles[:, -1])

    ends = np.isin(np.arange(sum(map(len, sequences))), np.cumsum([len(s) for s in sequences]) - 1)
    # nor does it matter for what is cut whether the end came yet
    ends[-1] = False
    ports = {
        "s_axis": beats(np.concatenate(sequences), ends, run.in_cycles, interface.input),
        "m_axis": beats(run.outputs, run.last, run.out_cycles, interface.output),
    }
    plain = Interface(network, interface.foldings)
    assert Observation(plain, ports, run.cycles, complete=True).compare("here", 10, 20) == run.outputs.size


@pytest.mark.long
@pytest.mark.parametrize("simulator", ["icarus", pytest.param("verilator", marks=pytest.mark.slow)])
@pytest.mark.parametrize("keep_state", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "options", [*GRID, *(pytest.param(row, marks=pytest.mark.slow) for row in WIDE_GRID)], ids=lambda row: row[0]
)
def test_cocotb(options, simulator, keep_state, tmp_path, icarus, rng):
    interface, predicted = build(*options, tmp_path, keep_state)
    bench = CocotbSimulator(tmp_path, simulator)
    lengths = lengths_of(interface.network) if interface.network.guarded else [1, 4, 1, 1, 9, 2, 12]
    sequences = random_codes(interface.network, rng, lengths)
    loads = None
    if keep_state:
        states = interface.states.items()
        loads = {n: {k: rng.integers(0, p.format.max + 1, p.size) for k, p in states} for n in (1, 2, 5)}
    for stalls, reset_after in ((0.0, 0), (0.4, 37)):
        scenario = build_scenario(
            interface,
            sequences,
            cycles_per_step=predicted.cycles_per_step,
            stalls=stalls,
            reset_after=reset_after,
            load_states=loads,
        )
        run = bench.run(scenario)
        assert len(run.in_cycles) == len(scenario["program"])
        assert run.compared >= sum(len(entries) for entries in scenario["expected"].values())
    if interface.network.guarded:
        scenario["marks"][0] ^= 1
        with pytest.raises(MismatchError, match=r"^m_axis_tuser, beat \d+, cycle \d+: expected"):
            bench.run(scenario)

"""Volume: random networks of all widths and foldings through the compiled RTL, every code and every gate compared."""

from __future__ import annotations

import numpy as np
import pytest
from networks import random_chain, random_codes, random_network, sabotage_valid

from ffhw.errors import MismatchError
from ffhw.export import generate
from ffhw.hdl.plan.chain import fold
from ffhw.hdl.plan.performance import predict
from ffhw.sim.batch import BatchSimulator
from ffhw.sim.check import measure_interval
from ffhw.sim.compare import compare_batch, ports_of, run_codes
from ffhw.sim.scenario import Interface

pytestmark = pytest.mark.simulation

# bits, units of the JK layers, lanes, simd, every step, activation, tokens
GRID = [
    (1, (6,), 1, 1, True, "linear", 0),
    (1, (9, 4), 3, 3, False, "argmax", 0),
    (2, (8,), 4, 2, True, "sigmoid", 0),
    (2, (5, 5), 5, 1, True, "linear", 0),
    (4, (16,), 16, 4, True, "relu", 0),
    (4, (10,), 2, 1, False, "linear", 9),
    (8, (24,), 8, 1, True, "linear", 0),
    (8, (12, 8), 4, 4, True, "linear", 0),
    (8, (13,), 5, 3, False, "argmax", 0),
    (12, (8,), 2, 2, True, "sigmoid", 0),
    (16, (6,), 3, 1, True, "linear", 0),
    (16, (5, 4), 1, 1, False, "relu", 0),
]


def build(network, lanes, simd, tmp_path, probe=True):
    foldings = fold(network, lanes, simd)
    for name, text in generate(network, foldings, probe=probe).items():
        (tmp_path / name).write_text(text)
    interface = Interface(network, foldings, probe=probe)
    return BatchSimulator(tmp_path, ports_of(interface)), interface, predict(network, foldings)


@pytest.mark.long
@pytest.mark.parametrize(("bits", "units", "lanes", "simd", "every_step", "activation", "tokens"), GRID)
def test_grid(bits, units, lanes, simd, every_step, activation, tokens, tmp_path, rng):
    network = random_network(
        11,
        inputs=5,
        units=units,
        outputs=3,
        bits=bits,
        activation=activation,
        return_sequences=every_step,
        tokens=tokens,
    )
    simulator, interface, predicted = build(network, lanes, simd, tmp_path)
    sequences = random_codes(network, rng, [40, 1, 2, 200, 3, 60])
    steps = sum(len(s) for s in sequences)
    for stalls in (0.0, 0.35):
        run, compared = compare_batch(simulator, interface, sequences, predicted.cycles_per_step, stalls=stalls)
        assert run.outputs.shape[1] == network.output_size
        assert compared == sum(run_codes(interface, sequences).values())
        assert compared >= 3 * steps * sum(units)
    assert measure_interval(simulator, interface, sequences, predicted.cycles_per_step) == predicted.cycles_per_step
    lone, _ = compare_batch(simulator, interface, random_codes(network, rng, [1]), predicted.cycles_per_step)
    assert lone.out_cycles[-1] - lone.in_cycles[0] == predicted.latency_cycles
    # a memory that never moves, or a network that says the same to everything, would test nothing
    assert len(np.unique(run.probes[len(network.layers) - 1 - 1][2])) > 1


# every cell, several in one design: letters of networks.random_chain
CHAINS = [("xgtm", 8, 2, 2), ("ncMd", 4, 3, 1), ("bqBd", 5, 2, 2), ("fFd", 8, 2, 2)]
MORE = [
    ("ff", 1, 1, 1),
    ("xfd", 5, 9, 9),
    ("fma", 16, 3, 1),
    ("iod", 8, 4, 4),
    ("bbd", 8, 3, 1),
    ("kbya", 4, 2, 2),
    ("qmq", 12, 1, 1),
    ("ebB", 2, 6, 6),
    ("mgx", 1, 1, 1),
    ("gmtd", 12, 4, 2),
    ("cnGa", 2, 2, 3),
    ("mmd", 16, 1, 1),
    ("gga", 16, 2, 1),
]


@pytest.mark.long
@pytest.mark.parametrize(
    ("kinds", "bits", "lanes", "simd"), [*CHAINS, *(pytest.param(*chain, marks=pytest.mark.slow) for chain in MORE)]
)
def test_every_cell(kinds, bits, lanes, simd, tmp_path, rng):
    network = random_chain(21, kinds, bits=bits, largest=9)
    simulator, interface, predicted = build(network, lanes, simd, tmp_path)
    sequences = random_codes(network, rng, [40, 1, 2, 64 if network.max_steps else 200, 3, 60])
    for stalls in (0.0, 0.35):
        _, compared = compare_batch(simulator, interface, sequences, predicted.cycles_per_step, stalls=stalls)
        assert compared == sum(run_codes(interface, sequences).values())
    assert measure_interval(simulator, interface, sequences, predicted.cycles_per_step) == predicted.cycles_per_step
    lone, _ = compare_batch(simulator, interface, random_codes(network, rng, [1]), predicted.cycles_per_step)
    assert lone.out_cycles[-1] - lone.in_cycles[0] == predicted.latency_cycles


@pytest.mark.slow
@pytest.mark.parametrize(("bits", "units", "lanes", "simd", "every_step", "activation", "tokens"), GRID)
def test_soak_a_million_random_steps(bits, units, lanes, simd, every_step, activation, tokens, tmp_path, rng):
    network = random_network(
        12,
        inputs=5,
        units=units,
        outputs=3,
        bits=bits,
        activation=activation,
        return_sequences=every_step,
        tokens=tokens,
    )
    simulator, interface, predicted = build(network, lanes, simd, tmp_path, probe=False)
    compared = steps = 0
    while steps < 1_000_000:
        sequences = random_codes(network, rng, rng.integers(1, 2000, 100).tolist())
        stalls = 0.0 if steps == 0 else 0.2
        compared += compare_batch(simulator, interface, sequences, predicted.cycles_per_step, stalls=stalls)[1]
        steps += sum(len(s) for s in sequences)
    assert compared > 0


def test_a_changed_weight_is_found(tmp_path, rng):
    network = random_network(11, inputs=5, units=(6,), outputs=3, bits=8)
    foldings = fold(network, 1, 1)
    files = generate(network, foldings)
    name = next(n for n, text in files.items() if n.endswith(".mem") and len(text.split()) == 6 * (5 + 6))
    word = files[name].split()[17]
    flipped = word[:-1] + ("0" if word[-1] == "1" else "1")
    files[name] = files[name].replace(word, flipped)
    for file, text in files.items():
        (tmp_path / file).write_text(text)
    interface = Interface(network, foldings)
    simulator = BatchSimulator(tmp_path, ports_of(interface))
    with pytest.raises(
        MismatchError,
        match=r"^RTL and golden model differ in \d+ of \d+ codes, first in sequence 0 at step \d+, signal output",
    ):
        compare_batch(simulator, interface, random_codes(network, rng, [300]), 100)


def test_a_design_that_stops_answering_is_found(tmp_path, rng):
    network = random_network(11, inputs=5, units=(6,), outputs=3, bits=8)
    foldings = fold(network, 1, 1)
    files = generate(network, foldings)
    files["ffhw_top.v"] = sabotage_valid(files["ffhw_top.v"], "0")
    for file, text in files.items():
        (tmp_path / file).write_text(text)
    interface = Interface(network, foldings)
    simulator = BatchSimulator(tmp_path, ports_of(interface))
    with pytest.raises(MismatchError, match=r"no answer: 0 of 30 beats after \d+ cycles$"):
        compare_batch(simulator, interface, random_codes(network, rng, [10]), 100)

"""`--keep-state`: a loaded state belongs to the sequence it was sent before, in every engine, whatever is in flight."""

from __future__ import annotations

import numpy as np
import pytest
from networks import random_chain, random_codes, random_network
from upset import play, scenario_of, spans

from ffhw.export import generate
from ffhw.hdl.plan.chain import fold, plans
from ffhw.hdl.plan.performance import predict
from ffhw.sim.batch import BatchSimulator
from ffhw.sim.check import measure_interval
from ffhw.sim.cocotb_runner import BenchMismatch, CocotbSimulator
from ffhw.sim.compare import compare_batch, ports_of
from ffhw.sim.loads import random_loads
from ffhw.sim.scenario import Interface

pytestmark = pytest.mark.simulation

# kinds of layers (see networks.random_chain), lanes, simd, bits; the later ones run with the slow tests
FEW = [("jj", 1, 1, 4), ("ejdj", 2, 2, 4), ("xgmd", 2, 1, 6), ("fd", 2, 2, 5), ("id", 4, 2, 4)]
MANY = [
    ("djs", 3, 1, 5),
    ("jdjrj", 2, 3, 3),
    ("jla", 6, 6, 2),
    ("ljd", 1, 4, 4),
    ("ejaejd", 2, 2, 4),
    ("jjjjjj", 1, 2, 1),
    ("tncMa", 1, 2, 8),
    ("mg", 3, 2, 11),
    ("ffj", 1, 1, 3),
    ("mxtgnc", 2, 2, 1),
]
CHAINS = [*FEW, *(pytest.param(*chain, marks=pytest.mark.slow) for chain in MANY)]


def generated(tmp_path, network, lanes, simd, probe=False):
    foldings = fold(network, lanes, simd)
    for name, text in generate(network, foldings, keep_state=True, probe=probe).items():
        (tmp_path / name).write_text(text)
    return Interface(network, foldings, keep_state=True, probe=probe)


def random_case(interface, rng, sequences):
    """Short sequences and states before random subsets of them."""
    lengths = rng.choice([1, 1, 1, 2, 3, 7], sequences).tolist()
    return random_codes(interface.network, rng, lengths), random_loads(interface.network, sequences, 5)


# the compiled driver of the next test is Verilator too, and much faster
@pytest.mark.parametrize("simulator", ["icarus", pytest.param("verilator", marks=pytest.mark.slow)])
@pytest.mark.parametrize(("kinds", "lanes", "simd", "bits"), CHAINS)
def test_random_subsets_of_states(tmp_path, icarus, simulator, kinds, lanes, simd, bits, rng):
    """Ports one after the other and all at once, with and without stalls."""
    interface = generated(tmp_path, random_chain(3, kinds, bits=bits), lanes, simd)
    bench = CocotbSimulator(tmp_path, simulator)
    for parallel, stalls in ((False, 0.0), (True, 0.0), (True, 0.5)):
        codes, loads = random_case(interface, rng, 10)
        play(bench, scenario_of(interface, codes, load_states=loads, parallel=parallel, stalls=stalls))


@pytest.mark.long
@pytest.mark.parametrize(("kinds", "lanes", "simd", "bits"), CHAINS[1:])
def test_volume(tmp_path, kinds, lanes, simd, bits, rng):
    """Thousands of loads through the compiled driver, outputs, states and probes compared."""
    interface = generated(tmp_path, random_chain(4, kinds, bits=bits), lanes, simd, probe=True)
    simulator = BatchSimulator(tmp_path, ports_of(interface))
    for stalls in (0.0, 0.3, 0.8):
        codes, loads = random_case(interface, rng, 300)
        run, compared = compare_batch(simulator, interface, codes, 300, stalls=stalls, loads=loads)
        assert compared > 300 * len(interface.states)
        assert {number: len(states) for number, states in run.states.items()} == dict.fromkeys(interface.states, 300)


def test_a_deeper_engine_keeps_a_state_for_its_sequence(tmp_path, icarus, rng):
    """The state of the second layer is sent while the sequence before it is still in the first one."""
    interface = generated(tmp_path, random_network(7, inputs=2, units=(4, 4), outputs=0, bits=6), 1, 1)
    codes = random_codes(interface.network, rng, [1, 1])
    loads = {1: {1: np.array([63, 0, 63, 1])}}
    play(CocotbSimulator(tmp_path, icarus), scenario_of(interface, codes, load_states=loads, parallel=True))


def test_of_two_states_sent_before_a_sequence_the_later_one_counts(tmp_path, icarus, rng):
    interface = generated(tmp_path, random_chain(5, "jdj", bits=5), 1, 1)
    codes, _ = random_case(interface, rng, 8)
    loads = {n: {k: rng.integers(0, 31, p.size) for k, p in interface.states.items()} for n in (0, 2, 3, 6)}
    bench = CocotbSimulator(tmp_path, icarus)
    for parallel, stalls in ((False, 0.0), (True, 0.0), (True, 0.4)):
        scenario = scenario_of(interface, codes, load_states=loads, parallel=parallel, stalls=stalls)
        program = scenario["program"]
        for number in interface.states:
            port = f"s_axis_state_{number}"
            for which in (2, 1):
                places = spans(program, port)[which]
                others = [[port, int(rng.integers(0, 32)), program[place][2]] for place in places]
                program[places[0] : places[0]] = others
        play(bench, scenario)


def test_a_state_in_the_middle_of_the_sequence_before_is_taken(tmp_path, icarus, rng):
    """Nothing that is sent in any order waits for what is still to be sent: states for b while a is half sent."""
    interface = generated(tmp_path, random_chain(6, "ljj", bits=4), 1, 1)
    codes = random_codes(interface.network, rng, [3, 3, 3, 3])
    loads = {n: {k: rng.integers(0, 15, p.size) for k, p in interface.states.items()} for n in range(4)}
    scenario = scenario_of(interface, codes, load_states=loads)
    program = scenario["program"]
    for which in (3, 2, 1):
        begin = min(spans(program, f"s_axis_state_{number}")[which][0] for number in interface.states)
        states = program[begin : spans(program, "s_axis")[which][0]]
        del program[begin : begin + len(states)]
        middle = spans(program, "s_axis")[which - 1][1]
        program[middle:middle] = states
    play(CocotbSimulator(tmp_path, icarus), scenario)


@pytest.mark.parametrize("every_step", [True, False])
def test_an_engine_whose_own_output_is_stalled_hard(tmp_path, icarus, every_step, rng):
    """No readout follows the engine: its output and the port of its state wait for each other."""
    network = random_network(8, inputs=2, units=(5,), outputs=0, bits=5, return_sequences=every_step)
    interface = generated(tmp_path, network, 1, 1)
    bench = CocotbSimulator(tmp_path, icarus)
    for stalls in (0.0, 0.5, 0.85):
        codes, loads = random_case(interface, rng, 8)
        play(bench, scenario_of(interface, codes, load_states=loads, parallel=True, stalls=stalls))


def test_a_state_shown_twice_is_found(tmp_path, icarus, rng):
    """The bench notices it; in the design, `state_sent` prevents it."""
    network = random_network(8, inputs=2, units=(5,), outputs=0, bits=5)
    interface = generated(tmp_path, network, 1, 1)
    verilog = (tmp_path / "ffhw_top.v").read_text()
    broken = verilog.replace("state_sent <= ", "state_sent <= 1'b0 & ", 1)
    assert broken != verilog
    (tmp_path / "ffhw_top.v").write_text(broken)
    codes, _ = random_case(interface, rng, 6)
    with pytest.raises(BenchMismatch, match=r"^m_axis_state_0, beat \d+"):
        play(CocotbSimulator(tmp_path, icarus), scenario_of(interface, codes, stalls=0.6))


@pytest.mark.parametrize(
    ("cell", "units", "lanes", "simd"),
    [
        ("jk", (5,), 1, 1),
        ("jk", (6, 4), 2, 2),
        ("gru_reset_before", (4,), 4, 2),
        ("jk-inputs", (4,), 4, 2),
        pytest.param("jk-inputs", (1,), 1, 1, marks=pytest.mark.slow),
        pytest.param("jk", (1,), 1, 1, marks=pytest.mark.slow),
        pytest.param("gru_reset_before", (1,), 1, 1, marks=pytest.mark.slow),
    ],
)
def test_cycles_are_those_predicted(tmp_path, cell, units, lanes, simd, rng):
    """Keeping states costs nothing where none is loaded; loading one costs what the plan says."""
    network = random_network(9, inputs=3, units=units, outputs=0, bits=5, cell=cell)
    interface = generated(tmp_path, network, lanes, simd)
    predicted = predict(network, interface.foldings)
    simulator = BatchSimulator(tmp_path, ports_of(interface))
    lone, _ = compare_batch(simulator, interface, random_codes(network, rng, [1]), predicted.cycles_per_step)
    assert lone.out_cycles[-1] - lone.in_cycles[0] == predicted.latency_cycles
    codes = random_codes(network, rng, [40])
    assert measure_interval(simulator, interface, codes, predicted.cycles_per_step) == predicted.cycles_per_step
    if len(units) == 1:
        (plan,) = plans(network, interface.foldings)
        codes = random_codes(network, rng, [1] * 12)
        state = network.layers[0].state_format
        loads = {n: {0: rng.integers(state.min, state.max, units[0], endpoint=True)} for n in range(12)}
        run, _ = compare_batch(simulator, interface, codes, predicted.cycles_per_step, loads=loads)
        assert set(np.diff(run.out_cycles[:: interface.output.beats])[-6:]) == {plan.loaded_cycles}

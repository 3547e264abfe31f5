"""What a host sends wrongly costs the sequence that it belongs to, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from networks import random_chain, random_codes
from upset import lengthen, play, scenario_of, shorten, spans, without

from ffhw.export import generate
from ffhw.hdl.plan.chain import fold
from ffhw.sim.cocotb_runner import CocotbSimulator
from ffhw.sim.scenario import Interface

pytestmark = pytest.mark.simulation

LENGTHS = [1, 3, 1, 1, 4, 2, 1, 5]


def build(tmp_path, simulator, network, lanes, simd, keep_state=False):
    foldings = fold(network, lanes, simd)
    for name, text in generate(network, foldings, keep_state=keep_state, probe=True).items():
        (tmp_path / name).write_text(text)
    return Interface(network, foldings, keep_state=keep_state, probe=True), CocotbSimulator(tmp_path, simulator)


def chain(kinds, inputs, seed=2, bits=4):
    """A random chain with a given number of inputs."""
    while True:
        network = random_chain(seed, kinds, bits=bits)
        if network.input_size == inputs:
            return network
        seed += 1


def cut_scenario(interface, rng, stalls):
    """Sequences of which some end inside a vector; what never came counts as zero."""
    beats, width = interface.input.beats, interface.input.width
    codes = random_codes(interface.network, rng, LENGTHS)
    missing = {which: int(rng.integers(1, beats)) for which in (1, 2, 4, 6)}
    for which, count in missing.items():
        codes[which][-1] = without(codes[which][-1], width, count)
    scenario = scenario_of(interface, codes, stalls=stalls)
    for which, count in missing.items():
        shorten(scenario["program"], "s_axis", which, count)
    return scenario


# the first engine is JK or dense; what follows is deep, answers once, or is nothing at all
CUTS = [("j", 3, 1, 1, False), ("ld", 5, 2, 2, False), ("dj", 4, 1, 1, True), ("rjjs", 6, 3, 2, True)]


@pytest.mark.parametrize(("kinds", "inputs", "lanes", "simd", "keep_state"), CUTS)
def test_tlast_inside_a_vector(tmp_path, icarus, kinds, inputs, lanes, simd, keep_state, rng):
    interface, simulator = build(tmp_path, icarus, chain(kinds, inputs), lanes, simd, keep_state)
    for stalls in (0.0, 0.5):
        play(simulator, cut_scenario(interface, rng, stalls))


@pytest.mark.slow
def test_tlast_inside_a_vector_on_verilator(tmp_path, rng):
    interface, simulator = build(tmp_path, "verilator", chain("jj", 5), 1, 2)
    play(simulator, cut_scenario(interface, rng, 0.3))


@pytest.mark.parametrize("simulator", ["icarus", pytest.param("verilator", marks=pytest.mark.slow)])
def test_tokens_of_no_row_stand_for_the_last_one(tmp_path, icarus, simulator, rng):
    """The bits of the slot above a token's are not looked at."""
    network = chain("ejd", 1, seed=12)
    rows = network.input.size
    assert rows & (rows - 1)  # tokens of no row exist
    interface, bench = build(tmp_path, simulator, network, 2, 2)
    bits = network.input.bits
    tokens = [rng.integers(0, 1 << bits, (steps, 1)) for steps in LENGTHS]
    assert max(t.max() for t in tokens) == (1 << bits) - 1
    scenario = scenario_of(interface, [np.minimum(t, rows - 1) for t in tokens], stalls=0.2)
    beats = [beat for beat in scenario["program"] if beat[0] == "s_axis"]
    for beat, token in zip(beats, np.concatenate(tokens), strict=True):
        beat[1] = int(token[0]) | int(rng.integers(0, 256)) >> bits << bits
    play(bench, scenario)


STATES = [("j", 1, 1), ("djj", 1, 1), ("jrl", 2, 2)]


@pytest.mark.parametrize("simulator", ["icarus", pytest.param("verilator", marks=pytest.mark.slow)])
@pytest.mark.parametrize(("kinds", "lanes", "simd"), STATES)
def test_states_too_short_and_too_long(tmp_path, icarus, simulator, kinds, lanes, simd, rng):
    """What is missing of a state is zero, what is too much is dropped."""
    interface, bench = build(tmp_path, simulator, chain(kinds, 3, seed=40), lanes, simd, keep_state=True)
    assert any(packing.beats > 1 for packing in interface.states.values())
    # all at once without stalls: the state for the next sequence is offered while a short one is being completed
    for parallel, stalls in ((False, 0.0), (True, 0.0), (True, 0.4)):
        codes = random_codes(interface.network, rng, LENGTHS)
        loads = {
            n: {k: rng.integers(0, p.format.max + 1, p.size) for k, p in interface.states.items()}
            for n in range(len(codes))
        }
        changes = []
        for number, packing in interface.states.items():
            for which in (1, 3, 4):
                if packing.beats > 1:
                    missing = int(rng.integers(1, packing.beats))
                    loads[which][number] = without(loads[which][number], packing.width, missing)
                    changes.append((shorten, number, which, missing))
            changes += [(lengthen, number, which, int(rng.integers(1, 7))) for which in (0, 5)]
        scenario = scenario_of(interface, codes, load_states=loads, parallel=parallel, stalls=stalls)
        for change, number, which, count in changes:
            change(scenario["program"], f"s_axis_state_{number}", which, count)
        play(bench, scenario)


def test_surgery_leaves_a_program_of_as_many_sequences():
    program = [["a", 1, 0], ["a", 2, 0], ["b", 9, 1], ["a", 3, 1], ["a", 4, 0], ["a", 5, 1]]
    shorten(program, "a", 0, 2)
    assert program == [["a", 1, 1], ["b", 9, 1], ["a", 4, 0], ["a", 5, 1]]
    lengthen(program, "a", 1, 2)
    assert [last for _, _, last in program] == [1, 1, 0, 0, 0, 1]
    assert spans(program, "a") == [[0], [2, 3, 4, 5]]

"""`--keep-state`: a loaded state belongs to the sequence before which it was sent, in every engine, whatever is in flight."""

from __future__ import annotations

import numpy as np
import pytest
from networks import random_chain, random_codes
from upset import play, random_loads, repeat, scenario_of, spans

from ffhw.export import generate
from ffhw.hdl.plan.chain import fold
from ffhw.sim.cocotb_runner import CocotbSimulator
from ffhw.sim.scenario import Interface

pytestmark = pytest.mark.simulation

# kinds of layers (see networks.random_chain), lanes, simd, bits
CHAINS = [
    ("jj", 1, 1, 4),
    ("ejj", 2, 2, 4),
    ("djs", 3, 1, 5),
    ("jdjrj", 2, 3, 3),
    ("jla", 6, 6, 2),
    ("ljd", 1, 4, 4),
    ("ejaejd", 2, 2, 4),
]


def build(tmp_path, simulator, kinds, lanes, simd, bits, seed=3):
    network = random_chain(seed, kinds, bits=bits)
    foldings = fold(network, lanes, simd)
    for name, text in generate(network, foldings, keep_state=True).items():
        (tmp_path / name).write_text(text)
    return Interface(network, foldings, keep_state=True), CocotbSimulator(tmp_path, simulator)


def exercise(interface, simulator, rng, rounds=(0.0, 0.4), sequences=24):
    """Short sequences back to back, random subsets of states before them, ports in order and all at once."""
    for parallel in (False, True):
        for stalls in rounds:
            lengths = rng.choice([1, 1, 1, 2, 3, 7], sequences).tolist()
            codes = random_codes(interface.network, rng, lengths)
            loads = random_loads(interface, rng, sequences)
            scenario = scenario_of(
                interface, codes, load_states=loads, parallel=parallel, stalls=stalls, seed=int(rng.integers(1000))
            )
            play(simulator, scenario)


@pytest.mark.parametrize(("kinds", "lanes", "simd", "bits"), CHAINS)
def test_random_subsets_of_states_on_verilator(tmp_path, kinds, lanes, simd, bits, rng):
    exercise(*build(tmp_path, "verilator", kinds, lanes, simd, bits), rng)


@pytest.mark.parametrize(("kinds", "lanes", "simd", "bits"), CHAINS[:4])
def test_random_subsets_of_states_on_icarus(tmp_path, icarus, kinds, lanes, simd, bits, rng):
    exercise(*build(tmp_path, icarus, kinds, lanes, simd, bits), rng, sequences=12)

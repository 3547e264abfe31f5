"""Weights at the core's own ports, where they can be offered at any time, as they cannot over a serial link."""

from __future__ import annotations

from pathlib import Path

import pytest
from benches import passes
from bundles import bundle_of
from networks import random_network

from ffhw.boards.weights import LOAD, image_of
from ffhw.model import golden
from ffhw.sim.scenario import Interface

TESTS = 3
GENERIC = {"scales": [], "argmax": False, "max_steps": 8}


@pytest.mark.simulation
def test_weights_and_sequences_wait_for_each_other(icarus, tmp_path, monkeypatch):
    bundles = {}
    for seed, weights in enumerate(("old", "new"), 1):
        (tmp_path / weights).mkdir()
        network = random_network(seed, inputs=3, units=(4,), outputs=2, bits=6).generic()
        bundles[weights] = bundle_of(tmp_path / weights, network, generic=GENERIC, loadable=True)
    bundle = bundles["old"]
    interface = Interface(bundle.network(), bundle.foldings(), False)
    codes = [vector[:5] for vector in bundle.vectors()["codes"][:3]]
    answers = {
        weights: [golden.run(found.network(), sequence[None]).outputs[0] for sequence in codes]
        for weights, found in bundles.items()
    }
    assert all((a != b).any() for a, b in zip(*answers.values(), strict=True))
    beats = [interface.input.pack(sequence) for sequence in codes]
    scenario = {
        "sequences": [sequence.ravel().tolist() for sequence in beats],
        "beats": [len(sequence) for sequence in beats],
        "images": {weights: list(bytes([LOAD]) + image_of(found)) for weights, found in bundles.items()},
        "expected": {
            weights: [interface.output.pack(sequence).ravel().tolist() for sequence in found]
            for weights, found in answers.items()
        },
    }
    folder = tmp_path / "bench"
    folder.mkdir()
    passes(Path(__file__).with_name("load_bench.py"), bundle, scenario, folder, monkeypatch, icarus, TESTS)

"""What tests of several runtimes share: chains that hold every kind of layer, and what it means to be equal."""

from __future__ import annotations

import numpy as np
from networks import random_codes

from ffhw.backends.base import Backend
from ffhw.backends.run import check_equal
from ffhw.model import golden
from ffhw.model.network import Network

# Chains that hold each kind of layer, each cell at every step and once a sequence.
CHAINS = ["ejd", "kqbjyd", "mgd", "fcs", "txnM", "vkGa", "Br", "bbp", "iol", "hwd"]


def random_states(network: Network, rng: np.random.Generator, batch: int) -> dict[str, np.ndarray]:
    """State codes from the whole range of each part's format."""
    states = {}
    for layer in network.stateful_layers:
        size = (batch, layer.state_size // len(layer.state_formats))
        parts = [rng.integers(fmt.min, fmt.max, size, endpoint=True) for fmt in layer.state_formats]
        states[layer.name] = np.stack(parts, axis=-1).reshape(batch, -1)
    return states


def assert_equal(backend: Backend, rng: np.random.Generator) -> None:
    """Ragged sequences from random states: outputs and final states."""
    network = backend.network
    least = network.rhythm.least
    codes, lengths = golden.pad(random_codes(network, rng, [least + 5, least, least + 11, least + 1]))
    states = random_states(network, rng, len(codes))
    expected, got = golden.run(network, codes, lengths, states=states), backend.run(codes, lengths, states)
    check_equal(backend.name, got.outputs, expected.outputs)
    assert set(got.states) == set(expected.states)
    for layer, state in expected.states.items():
        check_equal(f"{backend.name} {layer}", got.states[layer], state)

"""Which states a simulation loads before which sequences, and what the golden model makes of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ffhw.layers.base import Ints
from ffhw.model import golden
from ffhw.model.network import Network

# For the number of a sequence, states ``[N]`` by layer number to load before it.
LoadStates = dict[int, dict[int, Ints]]
# Share of the states that are loaded; the others are carried from the sequence before.
SHARE = 0.5


def random_loads(network: Network, sequences: int, seed: int) -> LoadStates:
    """States of random layers before random sequences; a quarter of the codes are the ends of their range."""
    rng = np.random.default_rng(seed)
    loads: LoadStates = {}
    for sequence in range(sequences):
        for number, layer in enumerate(network.layers):
            if layer.state_size and rng.random() < SHARE:
                formats = layer.state_formats * (layer.state_size // len(layer.state_formats))
                low, high = [fmt.min for fmt in formats], [fmt.max for fmt in formats]
                codes = rng.integers(low, high, layer.state_size, endpoint=True)
                ends = np.where(rng.random(layer.state_size) < 0.5, low, high)
                loads.setdefault(sequence, {})[number] = np.where(rng.random(layer.state_size) < 0.25, ends, codes)
    return loads


def runs(
    network: Network, sequences: Sequence[Ints], loads: LoadStates | None, *, keep_state: bool, trace: bool = False
) -> Iterator[golden.Result]:
    """What the golden model gives for each sequence, each starting from the loaded or the carried states."""
    states: dict[str, Ints] = {}
    for index, sequence in enumerate(sequences):
        if not keep_state:
            states = {}
        for number, state in (loads or {}).get(index, {}).items():
            states[network.layers[number].name] = state[None]
        result = golden.run(network, np.asarray(sequence)[None], trace=trace, states=states)
        states = dict(result.states)
        yield result


def start_states(network: Network, sequences: Sequence[Ints], loads: LoadStates | None, number: int) -> dict[int, Ints]:
    """The states that sequence ``number`` starts from, by layer number, loaded or carried."""
    names = {layer.name: n for n, layer in enumerate(network.layers)}
    states = {n: np.zeros(layer.state_size, np.int64) for n, layer in enumerate(network.layers) if layer.state_size}
    for result in runs(network, sequences[:number], loads, keep_state=True):
        states = {names[name]: state[0] for name, state in result.states.items()}
    return {**states, **(loads or {}).get(number, {})}

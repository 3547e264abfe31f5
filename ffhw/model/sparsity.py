"""How sparse a network is in time and in weights: states that a step leaves as they were, weights that are zero."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ffhw.layers import is_weight
from ffhw.model import floatnet, golden
from ffhw.model.data import Data
from ffhw.model.floatnet import FloatNetwork
from ffhw.model.network import Network

# A state in floats is unchanged if it moves by less than this.
STILL = 1e-3


@dataclasses.dataclass(frozen=True)
class _Count:
    """How many of so many."""

    found: int = 0
    total: int = 0

    def plus(self, which: NDArray[np.bool_]) -> _Count:
        return _Count(self.found + int(which.sum()), self.total + which.size)

    @property
    def share(self) -> float | None:
        """None of nothing."""
        return self.found / self.total if self.total else None


def sparsity(trained: FloatNetwork, network: Network, data: Data) -> dict[str, Any]:
    """Shares in floats and in integers.

    Parameters
    ----------
    trained: where its formats are settled it has no states in floats. network: the same in integers.
    data: sequences on which states move. The first step counts as well: it changes the state from zero.

    Returns
    -------
    ``unchanged_states``, by ``float`` (within :data:`STILL`) and ``codes`` (exactly), None where there are none; layers
    in both directions are left out. ``zero_weights``, alike; biases are no weights.
    """
    return {
        "unchanged_states": {"float": _still_floats(trained, data), "codes": _still_codes(network, data)},
        "zero_weights": {"float": _zero_floats(trained, network), "codes": _zero_codes(network)},
    }


def _still_floats(trained: FloatNetwork, data: Data) -> float | None:
    count, x, length = _Count(), data.x, data.lengths
    for layer, given in zip(trained.layers, floatnet.forward(trained, x, length), strict=True):
        states = getattr(layer, "states", None)
        for part in states(x, length) if states else ():
            count = count.plus(np.abs(_changes(part))[_real(part, length)] < STILL)
        x, length = given, layer.rhythm.steps(length)
    return count.share


def _still_codes(network: Network, data: Data) -> float | None:
    result = golden.run(network, network.encode(data.x), data.lengths, trace=True)
    count, length = _Count(), data.lengths
    for layer in network.layers:
        for signal in getattr(layer, "state_signals", ()):
            codes = result.traces[layer.name][signal]
            count = count.plus(_changes(codes)[_real(codes, length)] == 0)
        length = layer.rhythm.steps(length)
    return count.share


def _changes(states: NDArray[Any]) -> NDArray[Any]:
    """What each step changes of states ``[batch, time, N]``, which are zero before the first one."""
    return np.diff(states, axis=1, prepend=np.zeros_like(states[:, :1]))


def _real(states: NDArray[Any], length: Any) -> NDArray[np.bool_]:
    return np.arange(states.shape[1]) < np.asarray(length)[:, None]


def _zero_floats(trained: FloatNetwork, network: Network) -> float | None:
    count = _Count()
    for layer, integers in zip(trained.layers, network.layers, strict=True):
        for name, numbers in layer.numbers(integers).items():
            count = count.plus(np.asarray(numbers) == 0) if is_weight(name) else count
    return count.share


def _zero_codes(network: Network) -> float | None:
    count = _Count()
    for layer in network.layers:
        for name, codes in layer.stored().items():
            count = count.plus(codes == 0) if is_weight(name) else count
    return count.share

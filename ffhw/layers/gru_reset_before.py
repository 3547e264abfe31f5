"""GRU units, Keras' GRU with ``reset_after=False``. Gate order everywhere: r (reset), z (update), n (candidate).

r, z = sigmoid(W x_t + b + U h_{t-1})
p = r h_{t-1}
n = tanh(Wn x_t + bn + Un p)
h_t = z h_{t-1} + (1 - z) n

The candidate of each unit needs p of all units. So r comes first, which it does not in Keras: hardware makes p while it
multiplies for z.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from ffhw.layers.base import Floats, Ints
from ffhw.layers.description import Described, Read
from ffhw.layers.float_recurrent import FloatRecurrent, directed, keras_weights
from ffhw.layers.recurrent import RecurrentLayer
from ffhw.numbers.formats import Format, Unorm
from ffhw.numbers.gates import half_up, interpolate, weight
from ffhw.numbers.tables import Sigmoid, Tanh, sigmoid

# Keras has one class for both kinds of GRU: that of :mod:`ffhw.layers.gru`, which calls ``read``.
KERAS = ()
# r, z, n of Keras' z, r, n.
_ORDER = [1, 0, 2]


def read(described: Described) -> Read:
    """GRU layer: ``kernel [D, 3 N]``, ``recurrent_kernel [N, 3 N]``, ``bias [3 N]``."""
    n, use_bias = described.options["units"], described.options["use_bias"]
    weights = keras_weights(described, 3)
    weights["weights_x"] = weights["weights_x"][_ORDER]
    weights["weights_h"] = weights["weights_h"][_ORDER]
    bias = described.array("cell/vars/2", 3 * n) if use_bias else np.zeros(3 * n)
    return directed(described, FloatGRUResetBefore(**weights, bias=bias.reshape(3, n)[_ORDER]))


@dataclasses.dataclass(frozen=True, eq=False)
class GRUResetBeforeLayer(RecurrentLayer):
    """GRU units in integers: r and z are ``Unorm``; p, n and h ``Fixed(b, b - 1)``."""

    kind: ClassVar[str] = "gru_reset_before"
    signals: ClassVar[tuple[str, ...]] = ("r", "z", "n", "h")
    gate_tables = (Sigmoid, Sigmoid, Tanh)
    state_table = Tanh
    dependent = 1

    @property
    def signal_formats(self) -> dict[str, Format]:
        """Format of each signal."""
        gate = Unorm(self.state.bits)
        return {"r": gate, "z": gate, "n": self.state, "h": self.state}

    def passed_on(self, gates: list[Ints], h: Ints) -> Ints:
        """p, r scales h: rounded half up, and never larger than h."""
        bits = self.state.bits
        # P = (R H + half) >> b, the gate over 2^b
        return half_up(weight(gates[0], bits) * h, bits)

    def update(self, gates: list[Ints], *state: Ints) -> tuple[Ints, ...]:  # noqa: D102
        r, z, n = gates
        # H' = round((Z H + ~Z N) / M), between codes raised by 2^(b-1) so that none is negative
        raised = 1 << (self.state.bits - 1)
        return r, z, n, interpolate(z, state[0] + raised, n + raised, self.state.bits) - raised


@dataclasses.dataclass(frozen=True)
class FloatGRUResetBefore(FloatRecurrent):
    """Trained GRU units."""

    kind: ClassVar[str] = "gru_reset_before"
    quantized = GRUResetBeforeLayer

    def passed_on(self, sums: list[Floats], h: Floats) -> Floats:  # noqa: D102
        return sigmoid(sums[0]) * h

    def step(self, sums: list[Floats], *state: Floats) -> tuple[Floats, ...]:  # noqa: D102
        z = sigmoid(sums[1])
        return (z * state[0] + (1 - z) * np.tanh(sums[2]),)

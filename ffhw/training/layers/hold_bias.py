"""Biases that let flip-flop neurons start as memories."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="ffhw")
class HoldBias(keras.initializers.Initializer):
    """Gate biases that let a fresh flip-flop hold its state.

    With no input, J = K = s makes a state relax towards 1/2 as ``h_t - 1/2 = (1 - 2 s) (h_{t-1} - 1/2)``. This
    initialiser spreads the relaxation time 1 / (2 s) of the units evenly on a logarithmic scale, from ``shortest`` to
    ``longest`` steps: the bias of a gate is ``-log(2 * time - 1)``, half of it in each of the two biases. Zero biases,
    by contrast, make each unit forget at once (time 1).

    Parameters
    ----------
    shortest, longest: relaxation times in steps, ``1 <= shortest <= longest``.
    gates: G, how many gates a neuron has: 2, or 1 of a toggle neuron.
    """

    def __init__(self, shortest: float = 1.0, longest: float = 32.0, gates: int = 2) -> None:
        if not 1.0 <= shortest <= longest:
            raise ValueError(f"HoldBias needs 1 <= shortest <= longest, not {shortest!r} and {longest!r}")
        self.shortest = shortest
        self.longest = longest
        self.gates = gates

    def __call__(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        """Biases ``[2, G N]``: input and recurrent, each gate by gate."""
        if len(shape) != 2 or shape[0] != 2 or shape[1] % self.gates:
            raise ValueError(f"HoldBias fills biases of shape (2, {self.gates} * units), not {shape!r}")
        low, high = math.log(self.shortest), math.log(self.longest)
        time = ops.exp(ops.linspace(low, high, shape[1] // self.gates))
        gate = -ops.log(ops.maximum(2.0 * time - 1.0, 1e-7))
        row = ops.tile(gate, [self.gates]) / 2.0
        return ops.cast(ops.stack([row, row]), dtype or keras.config.floatx())

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {"shortest": self.shortest, "longest": self.longest, "gates": self.gates}

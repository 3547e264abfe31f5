"""Gate biases with which an LSTM or a GRU starts as a memory, as HoldBias does for flip-flops."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

_GATES = {"lstm": 4, "gru": 3}


@keras.saving.register_keras_serializable(package="ffhw")
class ChronoBias(keras.initializers.Initializer):
    """Forget times spread evenly on a logarithmic scale (chrono initialisation; Tallec & Ollivier, ICLR 2018).

    A gate of value ``1 - 1/T`` forgets within T steps; its bias is ``log(T - 1)``. The LSTM's forget gate gets it, and
    its input gate the negative; the GRU's update gate gets it. All other biases are 0.

    Parameters
    ----------
    cell: ``"lstm"`` or ``"gru"``. shortest, longest: T in steps, ``1 < shortest <= longest``.
    """

    def __init__(self, cell: str, shortest: float = 2.0, longest: float = 32.0) -> None:
        if cell not in _GATES:
            raise ValueError(f"cell must be 'lstm' or 'gru', not {cell!r}")
        if not 1.0 < shortest <= longest:
            raise ValueError(f"ChronoBias needs 1 < shortest <= longest, not {shortest!r} and {longest!r}")
        self.cell = cell
        self.shortest = shortest
        self.longest = longest

    def __call__(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        """Biases ``[4 N]`` of an LSTM (i, f, candidate, o) or ``[2, 3 N]`` of a GRU (z, r, candidate)."""
        units = shape[-1] // _GATES[self.cell]
        times = np.exp(np.linspace(math.log(self.shortest), math.log(self.longest), units))
        hold, none = np.log(times - 1.0), np.zeros(units)
        if self.cell == "lstm":
            bias = np.concatenate([-hold, hold, none, none])
        else:
            # the second row is the recurrent bias
            bias = np.stack([np.concatenate([hold, none, none]), np.zeros(3 * units)])
        if bias.shape != tuple(shape):
            raise ValueError(f"ChronoBias of {self.cell} fills biases of shape {bias.shape}, not {tuple(shape)!r}")
        return ops.convert_to_tensor(bias, dtype or keras.config.floatx())

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {"cell": self.cell, "shortest": self.shortest, "longest": self.longest}

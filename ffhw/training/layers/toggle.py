"""The toggle flip-flop layer for Keras 3, on any backend: one gate, half the JK layer's weights.

For input x_t and state h_t in [0, 1]:

    T   = sigmoid(Wx x_t + bx + Wh h_{t-1} + bh)        T   h_t
    h_t = T * (1 - h_{t-1}) + (1 - T) * h_{t-1}         0   h_{t-1}
                                                        1   1 - h_{t-1}
"""

from __future__ import annotations

from typing import Any

import keras

from ffhw.training.layers.neurons import FlipFlopCell, FlipFlopRNN


@keras.saving.register_keras_serializable(package="ffhw")
class ToggleCell(FlipFlopCell):
    """One step of N toggle neurons."""

    gates = 1

    def update(self, gates: list[Any], h: Any) -> Any:  # noqa: D102
        (toggle,) = gates
        # h_t = T * (1 - h_{t-1}) + (1 - T) * h_{t-1}
        return toggle * (1.0 - h) + (1.0 - toggle) * h

    def slopes(self, gates: list[Any], h: Any) -> tuple[list[Any], Any]:  # noqa: D102
        (toggle,) = gates
        # dh_t/dT = 1 - 2 h_{t-1}      dh_t/dh_{t-1} = 1 - 2 T
        return [1.0 - 2.0 * h], 1.0 - 2.0 * toggle


@keras.saving.register_keras_serializable(package="ffhw")
class Toggle(FlipFlopRNN):
    """A recurrent layer of N toggle flip-flop neurons, see :class:`FlipFlopRNN`. Parameters: ``N (D + N + 2)``."""

    cell_class = ToggleCell
    cell_name = "toggle_cell"

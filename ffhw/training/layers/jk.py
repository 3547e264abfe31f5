"""The JK flip-flop layer for Keras 3, on any backend.

The cell (JK flip-flop network paper, Table 2, eq. 1-3), for input x_t and state h_t in [0, 1]:

    J   = sigmoid(Wjx x_t + bjx + Wjh h_{t-1} + bjh)
    K   = sigmoid(Wkx x_t + bkx + Wkh h_{t-1} + bkh)
    h_t = J * (1 - h_{t-1}) + (1 - K) * h_{t-1}
"""

from __future__ import annotations

from typing import Any

import keras

from ffhw.training.layers.hold_bias import HoldBias
from ffhw.training.layers.neurons import FlipFlopCell, FlipFlopRNN

__all__ = ["JK", "HoldBias", "JKCell"]


@keras.saving.register_keras_serializable(package="ffhw")
class JKCell(FlipFlopCell):
    """One step of N JK neurons. The gate order of every weight is J, then K."""

    gates = 2

    def update(self, gates: list[Any], h: Any) -> Any:  # noqa: D102
        j, k = gates
        # h_t = J * (1 - h_{t-1}) + (1 - K) * h_{t-1}
        return j * (1.0 - h) + (1.0 - k) * h

    def slopes(self, gates: list[Any], h: Any) -> tuple[list[Any], Any]:  # noqa: D102
        j, k = gates
        # dh_t/dJ = 1 - h_{t-1}      dh_t/dK = -h_{t-1}      dh_t/dh_{t-1} = 1 - J - K
        return [1.0 - h, -h], 1.0 - j - k


@keras.saving.register_keras_serializable(package="ffhw")
class JK(FlipFlopRNN):
    """A recurrent layer of N JK flip-flop neurons, see :class:`FlipFlopRNN`.

    Parameters: ``2 N (D + N + 2)``, half of an LSTM with two biases a gate.
    """

    cell_class = JKCell
    cell_name = "jk_cell"

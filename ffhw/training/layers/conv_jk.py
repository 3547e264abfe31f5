"""The convolutional JK flip-flop layer for Keras 3, on any backend (JK flip-flop network paper: ConvFFNN).

Inputs x_t and states h_t in [0, 1] are maps; with * the convolution and products element by element:

    J   = sigmoid(Wjx * x_t + Wjh * h_{t-1} + bj)
    K   = sigmoid(Wkx * x_t + Wkh * h_{t-1} + bk)
    h_t = J (1 - h_{t-1}) + (1 - K) h_{t-1}

Each gate has one bias, where the fully connected layer has two.
"""

from __future__ import annotations

from typing import Any, ClassVar

import keras
from keras import ops

from ffhw.training.layers.convolutional import ConvCell2D, ConvRNN2D
from ffhw.training.layers.hold_bias import HoldBias
from ffhw.training.layers.neurons import check_centered


@keras.saving.register_keras_serializable(package="ffhw")
class ConvJK2DCell(ConvCell2D):
    """One step of F maps of JK neurons, see :class:`ConvCell2D`. The gate order of every weight is J, then K.

    centered: whether states are seen as ``2 h - 1`` by these gates and by the next layer, see
    :class:`ffhw.training.layers.neurons.FlipFlopCell`; a place beyond the edge counts as h = 0. Without
    ``recurrent_dropout``.
    """

    gates = 2
    own_defaults: ClassVar[dict[str, Any]] = {"centered": False}

    def __init__(self, filters: int, kernel_size: Any, **options: Any) -> None:
        check_centered(options.get("centered", False), options.get("recurrent_dropout", 0.0))
        super().__init__(filters, kernel_size, **options)

    def first_bias(self) -> Any:  # noqa: D102
        return HoldBias()

    def update(self, x: list[Any], h: list[Any], state: Any) -> Any:  # noqa: D102
        j, k = (ops.sigmoid(a + b) for a, b in zip(x, h, strict=True))
        # h_t = J * (1 - h_{t-1}) + (1 - K) * h_{t-1}
        return j * (1.0 - state) + (1.0 - k) * state

    def of_states(self, state: Any) -> Any:  # noqa: D102
        if not self.centered:
            return super().of_states(state)
        # W_h * (2 h - 1) = 2 W_h * h - W_h * 1
        of_ones = ops.sum(self.recurrent_kernel, axis=(0, 1, 2))
        if self._channels == 1:
            of_ones = ops.reshape(of_ones, (1, -1, 1, 1))
        return 2.0 * super().of_states(state) - of_ones

    def seen(self, h: Any) -> Any:  # noqa: D102
        return 2.0 * h - 1.0 if self.centered else h


@keras.saving.register_keras_serializable(package="ffhw")
class ConvJK2D(ConvRNN2D):
    """A recurrent layer of F maps of JK flip-flop neurons, see :class:`ConvRNN2D`.

    Parameters: ``2 F (kh kw (C + F) + 1)``, half of a ConvLSTM2D.
    """

    cell_class = ConvJK2DCell

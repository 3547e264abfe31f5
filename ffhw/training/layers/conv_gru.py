"""The convolutional GRU for Keras 3, which has none: what ConvJK2D is compared with, beside ConvLSTM2D.

Ballas, Yao, Pal & Courville, "Delving Deeper into Convolutional Networks for Learning Video Representations", ICLR
2016, with the reset gate behind the state's convolution, as in ``keras.layers.GRU``.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ffhw.training.layers.convolutional import ConvCell2D, ConvRNN2D


@keras.saving.register_keras_serializable(package="ffhw")
class ConvGRU2DCell(ConvCell2D):
    """One step of F maps of GRU units, see :class:`ConvCell2D`. Gate order: update, reset, candidate."""

    gates = 3

    def update(self, x: list[Any], h: list[Any], state: Any) -> Any:  # noqa: D102
        keep, reset = (ops.sigmoid(x[gate] + h[gate]) for gate in (0, 1))
        candidate = ops.tanh(x[2] + reset * h[2])
        # h_t = z h_{t-1} + (1 - z) c
        return keep * state + (1.0 - keep) * candidate


@keras.saving.register_keras_serializable(package="ffhw")
class ConvGRU2D(ConvRNN2D):
    """A recurrent layer of F maps of GRU units, see :class:`ConvRNN2D`. Parameters: ``3 F (kh kw (C + F) + 1)``."""

    cell_class = ConvGRU2DCell

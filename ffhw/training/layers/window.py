"""A recurrent layer that reads a text while it runs: the attention window of handwriting generation.

Source: eq. 4 of the JK flip-flop network paper, after A. Graves, "Generating Sequences With Recurrent Neural Networks",
arXiv 1308.0850 (2013), eq. 46-51. With G Gaussians over the characters' positions u = 1 ... U:

    (a, b, k)  = exp(W h_t + c)               height, sharpness and advance of each Gaussian
    kappa_t    = kappa_{t-1} + k
    phi_t(u)   = sum_g a_g exp(-b_g (kappa_t,g - u)^2)
    w_t        = sum_u phi_t(u) character_u

The cell of step t sees its input and w_{t-1}.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

# a fresh window advances by about e^-3 = 0.05 characters a step: a stroke of handwriting has some twenty points
_FIRST_ADVANCE = -3.0


@keras.saving.register_keras_serializable(package="ffhw")
class WindowCell(keras.Layer):
    """One step of a recurrent cell of N units and its window over ``characters [batch, U, A]``, set from outside.

    States: those of the cell, ``kappa [batch, G]``, ``w [batch, A]``. Output ``[batch, N + A]``: h_t and w_t.
    """

    def __init__(self, cell: Any, gaussians: int, alphabet: int, **options: Any) -> None:
        super().__init__(**options)
        self.cell = cell
        self.gaussians = gaussians
        self.alphabet = alphabet
        self.inner = list(np.atleast_1d(cell.state_size).tolist())
        self.state_size = [*self.inner, gaussians, alphabet]
        self.output_size = self.inner[0] + alphabet
        self.window = keras.layers.Dense(3 * gaussians, bias_initializer=_first_window, name="window")
        self.characters: Any = None

    def build(self, input_shape: Any) -> None:
        """Create the weights for inputs ``[batch, D]``."""
        # one that comes from a file is built already
        if not self.cell.built:
            self.cell.build((input_shape[0], input_shape[-1] + self.alphabet))
        self.window.build((input_shape[0], self.inner[0]))
        self.built = True

    def call(self, inputs: Any, states: Any, training: bool = False) -> tuple[Any, list[Any]]:
        """One step: inputs ``[batch, D]``; see the class."""
        *inner, kappa, read = states
        h, inner = self.cell(ops.concatenate([inputs, read], axis=-1), inner, training=training)
        height, sharpness, advance = ops.split(ops.exp(ops.clip(self.window(h), -15.0, 8.0)), 3, axis=-1)
        kappa = kappa + advance
        places = ops.arange(1, self.characters.shape[1] + 1, dtype=self.compute_dtype)
        # phi_t(u) = sum_g a_g exp(-b_g (kappa_g - u)^2)
        far = ops.square(kappa[:, :, None] - places)
        phi = ops.sum(height[:, :, None] * ops.exp(-sharpness[:, :, None] * far), axis=1)
        read = ops.squeeze(ops.matmul(phi[:, None, :], self.characters), axis=1)
        return ops.concatenate([h, read], axis=-1), [*inner, kappa, read]

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        own = {"cell": keras.saving.serialize_keras_object(self.cell), "gaussians": self.gaussians}
        return {**super().get_config(), **own, "alphabet": self.alphabet}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> WindowCell:
        """Cell with these constructor arguments."""
        own = dict(config)
        return cls(keras.saving.deserialize_keras_object(own.pop("cell")), **own)


@keras.saving.register_keras_serializable(package="ffhw")
class WindowRNN(keras.Layer):
    """:class:`WindowCell` along time.

    Input: a list of ``[batch, time, D]`` and of characters ``[batch, U, A]``, one-hot, zeros past a text's end. Output
    ``[batch, time, N + A]``: states and what was read. With ``return_state`` also the states, which go in again as
    further inputs.
    """

    def __init__(self, cell: Any, gaussians: int, alphabet: int, return_state: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.return_state = return_state
        self.loop = keras.layers.RNN(
            WindowCell(cell, gaussians, alphabet, name="step"), return_sequences=True, return_state=True, name="loop"
        )

    def build(self, input_shape: list[tuple[int | None, ...]]) -> None:
        """Create the weights for inputs ``[batch, time, D]``."""
        self.loop.build(input_shape[0])
        self.built = True

    def call(self, inputs: list[Any], training: bool = False) -> Any:
        """States and what was read at each step, see the class."""
        strokes, characters, *states = inputs
        self.loop.cell.characters = characters
        try:
            output, *states = self.loop(strokes, initial_state=states or None, training=training)
        finally:
            self.loop.cell.characters = None
        return (output, *states) if self.return_state else output

    def compute_output_shape(self, input_shape: list[tuple[int | None, ...]]) -> Any:
        """Shape of the output, and of the states with ``return_state``."""
        batch, steps, _ = input_shape[0]
        output = (batch, steps, self.loop.cell.output_size)
        return (output, *((batch, size) for size in self.loop.cell.state_size)) if self.return_state else output

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        cell = self.loop.cell.get_config()
        own = {name: cell[name] for name in ("cell", "gaussians", "alphabet")}
        return {**super().get_config(), **own, "return_state": self.return_state}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> WindowRNN:
        """Layer with these constructor arguments."""
        own = dict(config)
        return cls(keras.saving.deserialize_keras_object(own.pop("cell")), **own)


def _first_window(shape: tuple[int, ...], dtype: Any = None) -> Any:
    """Biases ``[3 G]``: heights and sharpness of 1, a slow advance."""
    bias = np.zeros(shape)
    bias[2 * shape[0] // 3 :] = _FIRST_ADVANCE
    return ops.convert_to_tensor(bias, dtype or keras.config.floatx())

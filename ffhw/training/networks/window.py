"""The network of handwriting generation: a layer that reads the text, one more layer, a mixture density.

With 400 units, 5 Gaussians and 54 characters its trainable parameters are the paper's, see docs/paper.md.
"""

from __future__ import annotations

from typing import Any

from ffhw.training.networks.cells import recurrent, recurrent_cell

COMPONENTS = 20


def handwriting(cell: str, longest_hold: float | None, alphabet: int = 54, units: int = 400, gaussians: int = 5) -> Any:
    """FFNN with a window.

    Inputs ``strokes [batch, time, 3]`` (dx, dy, pen up) and ``characters [batch, U, alphabet]``, one-hot. Output
    ``[batch, time, 1 + 6 * 20]``: the parameters of the next point's density, see :mod:`ffhw.training.mixture`.
    """
    import keras

    from ffhw.training.layers.window import WindowRNN

    strokes = keras.Input((None, 3), name="strokes")
    characters = keras.Input((None, alphabet), name="characters")
    reader = WindowRNN(recurrent_cell(cell, units, longest_hold), gaussians, alphabet, name="reader")
    first = reader([strokes, characters])
    # the second layer sees the point, what is read and the first layer
    both = keras.layers.Concatenate(name="both")([strokes, first])
    second = recurrent(cell, units, longest_hold, name="writer")(both)
    answer = keras.layers.Dense(1 + 6 * COMPONENTS, name="readout")(second)
    return keras.Model({"strokes": strokes, "characters": characters}, answer, name=f"handwriting_{cell}{units}")

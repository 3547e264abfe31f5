"""The networks of the paper's tasks; that of handwriting has a file of its own (``window``).

Each function gives a fresh Keras model for a cell of :data:`ffhw.training.networks.cells.CELLS`. With the sizes that
stand here as defaults their trainable parameters are the paper's, see docs/paper.md.
"""

from __future__ import annotations

from typing import Any

from ffhw.training.networks.cells import convolutional, recurrent


def signal(cell: str, longest_hold: float | None, units: int = 50, inputs: int = 3) -> Any:
    """FFNN: two layers, one value a step. ``[batch, time, inputs]`` to ``[batch, time, 1]``."""
    import keras

    return keras.Sequential(
        [
            keras.Input((None, inputs), name="input"),
            recurrent(cell, units, longest_hold, name="first"),
            recurrent(cell, units, longest_hold, name="second"),
            keras.layers.Dense(1, name="readout"),
        ],
        name=f"signal_{cell}{units}",
    )


def sentiment(cell: str, longest_hold: float | None, words: int, units: int = 100, embedding: int = 32) -> Any:
    """BiFFNN: words ``[batch, time]``, 0 for padding, to the probability of a good review ``[batch, 1]``."""
    import keras

    return keras.Sequential(
        [
            keras.Input((None,), name="input"),
            keras.layers.Embedding(words, embedding, mask_zero=True, name="words"),
            recurrent(cell, units, longest_hold, both_ways=True, every_step=False, name="review"),
            keras.layers.Dense(1, activation="sigmoid", name="readout"),
        ],
        name=f"sentiment_{cell}{units}",
    )


def text(
    cell: str,
    longest_hold: float | None,
    characters: int = 66,
    embedding: int = 256,
    units: int = 1024,
    layers: int = 1,
) -> Any:
    """FFNN: character numbers ``[batch, time]`` to logits of the next character ``[batch, time, characters]``."""
    import keras

    return keras.Sequential(
        [
            keras.Input((None,), name="input"),
            keras.layers.Embedding(characters, embedding, name="characters"),
            *(recurrent(cell, units, longest_hold, name=f"layer{number}") for number in range(1, layers + 1)),
            keras.layers.Dense(characters, name="readout"),
        ],
        name=f"text_{cell}{units}",
    )


def frames(
    cell: str,
    longest_hold: float | None,
    filters: int = 40,
    layers: int = 4,
    size: int = 40,
    momentum: float = 0.99,
    causal: bool = True,
) -> Any:
    """ConvFFNN: frames ``[batch, time, size, size, 1]`` to the next frames' pixels, each from 0 to 1.

    Parameters
    ----------
    momentum: of the normalizations' averages; lower for trainings of a few hundred steps.
    causal: whether the last layer's window of three frames ends with the present one. Around it, as a ``same`` padding
        has it, it would hold the frame that is to be predicted.
    """
    import keras

    parts = [keras.Input((None, size, size, 1), name="input")]
    for number in range(1, layers + 1):
        parts.append(convolutional(cell, filters, 3, longest_hold, name=f"layer{number}"))
        parts.append(keras.layers.BatchNormalization(momentum=momentum, name=f"norm{number}"))
    if causal:
        parts.append(keras.layers.ZeroPadding3D(((2, 0), (1, 1), (1, 1)), name="past"))
    padding = "valid" if causal else "same"
    parts.append(keras.layers.Conv3D(1, 3, padding=padding, activation="sigmoid", name="readout"))
    return keras.Sequential(parts, name=f"frames_{cell}{filters}")


def lung(cell: str, longest_hold: float | None, filters: int = 16, size: int = 64, momentum: float = 0.99) -> Any:
    """BiConvFFNN: slices ``[batch, slices, size, size, 1]`` to masks of the same shape, each voxel from 0 to 1.

    The paper's count has two parameters more than its table of layers: a normalization of one channel. It stands at the
    input here.
    """
    import keras

    layers = keras.layers

    def convolution(maps: int, kernel: tuple[int, int, int], name: str, activation: str = "relu") -> Any:
        return layers.Conv3D(maps, kernel, padding="same", activation=activation, name=name)

    return keras.Sequential(
        [
            keras.Input((None, size, size, 1), name="input"),
            layers.BatchNormalization(momentum=momentum, name="scale"),
            convolution(8, (1, 5, 5), "within_slices"),
            convolution(8, (3, 3, 3), "across_slices"),
            layers.BatchNormalization(momentum=momentum, name="norm"),
            convolutional(cell, filters, 3, longest_hold, both_ways=True, name="first"),
            convolutional(cell, 2 * filters, 3, longest_hold, both_ways=True, name="second"),
            convolution(8, (1, 3, 3), "merge"),
            convolution(1, (1, 1, 1), "readout", "sigmoid"),
        ],
        name=f"lung_{cell}{filters}",
    )


def action(
    cell: str,
    longest_hold: float | None,
    classes: int = 11,
    filters: int = 64,
    dense: int = 256,
    size: int = 64,
    channels: int = 3,
    pool: int = 1,
) -> Any:
    """ConvFFNN: clips ``[batch, time, size, size, channels]`` to probabilities ``[batch, classes]``.

    The paper's 63 million parameters are those of the dense layer behind 62 x 62 x 64 states. ``pool`` above 1 takes
    the largest of so many rows and columns of them, for those who cannot wait.
    """
    import keras

    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((None, size, size, channels), name="input"),
            convolutional(cell, filters, 3, longest_hold, padding="valid", every_step=False, name="clip"),
            *([layers.MaxPooling2D(pool, name="pool")] if pool > 1 else []),
            layers.Flatten(name="flat"),
            layers.Dense(dense, activation="relu", name="hidden"),
            layers.Dense(classes, activation="softmax", name="readout"),
        ],
        name=f"action_{cell}{filters}",
    )

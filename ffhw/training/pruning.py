"""Pruning: while a network trains, its smallest weights become zero and stay so.

Of each layer's matrices together, the share that is zero rises with the epochs, ``s (1 - (1 - t)^3)`` for t from 0 to 1
(Zhu & Gupta 2017): fast while many weights are to spare, slowly in the end. The last epochs train what is left. Biases
and embeddings are not pruned.

Which weights are zero follows from the weights and the epoch alone, so that a training that was killed goes on with
the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ffhw.errors import InputError
from ffhw.training.tasks.base import Preset

# Share of the epochs after which as many weights are zero as will be.
RISE = 0.6


def check(share: float) -> float:
    """The same share.

    Raises
    ------
    InputError: out of range.
    """
    if not 0 <= share < 1:
        raise InputError(f"--prune is a share of the weights, at least 0 and below 1, not {share!r}")
    return share


def share_at(epoch: int, epochs: int, share: float) -> float:
    """Share of the weights that is zero in an epoch, counted from 0."""
    rise = math.floor(RISE * epochs)
    # the first epoch of several prunes nothing: what is small before training tells nothing
    t = min(1.0, epoch / rise) if rise else 1.0
    return share * (1 - (1 - t) ** 3)


class Pruning:
    """Keeps weights of a Keras model at zero, from now on and after every update.

    Parameters
    ----------
    model: a built model. share: of each layer's weights, in the end. epochs: of the training.

    Raises
    ------
    InputError: another backend than TensorFlow, whose compiled updates would not see the zeros change.
    """

    def __init__(self, model: Any, share: float, epochs: int) -> None:
        import keras

        if keras.backend.backend() != "tensorflow":
            raise InputError("--prune needs TensorFlow: train with KERAS_BACKEND=tensorflow")
        self.share, self.epochs = share, epochs
        self._layers = [found for layer in model.layers if (found := [_Kept(w) for w in _matrices(layer)])]

    def begin(self, epoch: int) -> None:
        """An epoch begins, counted from 0: so many weights are zero in it."""
        share = share_at(epoch, self.epochs, self.share)
        for weights in self._layers:
            sizes = np.concatenate([np.abs(weight.numbers()).ravel() for weight in weights])
            keep = np.ones(len(sizes), bool)
            # those that are zero already are the smallest of all
            keep[np.argsort(sizes, kind="stable")[: round(share * len(sizes))]] = False
            ends = np.cumsum([weight.numbers().size for weight in weights])
            for weight, part in zip(weights, np.split(keep, ends[:-1]), strict=True):
                weight.keep_only(part)


def keep_zeros(model: Any) -> None:
    """Keep the weights that are zero now at zero, after every update."""
    for layer in model.layers:
        for weight in _matrices(layer):
            _Kept(weight).keep_only(np.asarray(weight.value) != 0)


class _Kept:
    """A weight of which some numbers stay zero: what Keras calls after each update, behind the weight's own rule."""

    def __init__(self, weight: Any) -> None:
        import keras

        self._weight, self._own = weight, weight.constraint
        self._mask = keras.Variable(np.ones(weight.shape, np.float32), trainable=False, dtype=weight.dtype)
        weight.constraint = self

    def __call__(self, w: Any) -> Any:
        return (w if self._own is None else self._own(w)) * self._mask

    def numbers(self) -> Any:
        return np.asarray(self._weight.value)

    def keep_only(self, keep: Any) -> None:
        self._mask.assign(np.reshape(keep, self._weight.shape).astype(np.float32))
        self._weight.assign(self._weight.value * self._mask)


def _matrices(layer: Any) -> list[Any]:
    """Weights of a layer that multiply: in floats a kernel, on integers what is behind the codes."""
    return [w for w in layer.trainable_variables if w.name.endswith("kernel") or "weights" in w.name]


def each_epoch(model: Any, sizes: Preset) -> Callable[[int], None]:
    """What an epoch of a training begins with: pruning, if that is asked for."""
    return Pruning(model, sizes.prune, sizes.epochs).begin if sizes.prune else lambda _: None

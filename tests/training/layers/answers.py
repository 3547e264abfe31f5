"""Answers and gradients of every layer of ours on the backend that KERAS_BACKEND names; run as a script."""

from __future__ import annotations

import sys

import keras
import numpy as np

from ffhw.training.layers.conv_gru import ConvGRU2D
from ffhw.training.layers.conv_jk import ConvJK2D
from ffhw.training.layers.ctrnn import CTRNN
from ffhw.training.layers.jk import JK
from ffhw.training.layers.sr import SR
from ffhw.training.layers.toggle import Toggle

LAYERS = {
    "jk": (lambda: JK(5, return_sequences=True), (6, 3)),
    "sr": (lambda: SR(4, both="hold"), (6, 3)),
    "toggle": (lambda: Toggle(4), (6, 3)),
    "ctrnn": (lambda: CTRNN(4, tau_ms=3.0), (6, 3)),
    "conv_jk": (lambda: ConvJK2D(3, 3, padding="same", return_sequences=True), (4, 5, 6, 2)),
    "conv_jk both ways": (lambda: keras.layers.Bidirectional(ConvJK2D(2, 3, strides=2)), (4, 5, 6, 2)),
    "conv_gru": (lambda: ConvGRU2D(3, 3), (4, 5, 6, 2)),
}
DROPOUT = {
    "jk": (lambda: JK(5, dropout=0.3, recurrent_dropout=0.3, seed=1), (6, 3)),
    "conv_jk": (lambda: ConvJK2D(3, 3, dropout=0.3, recurrent_dropout=0.3, seed=1), (4, 5, 6, 2)),
}


def answers(make, shape):
    """The layer's answer before and after one step of plain gradient descent from weights drawn by NumPy."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(4, *shape)).astype(np.float32)
    inputs = keras.Input(shape)
    model = keras.Model(inputs, make()(inputs))
    model.set_weights([rng.normal(0, 0.4, w.shape) for w in model.get_weights()])
    model.compile(keras.optimizers.SGD(1.0), "mse", jit_compile=keras.backend.backend() == "jax")
    before = np.asarray(model.predict_on_batch(x))
    model.train_on_batch(x, np.full_like(before, 0.3))
    return before, np.asarray(model.predict_on_batch(x))


def main(target):
    found = {}
    for name, (make, shape) in LAYERS.items():
        found[f"{name} before"], found[f"{name} after"] = answers(make, shape)
    for make, shape in DROPOUT.values():
        assert np.isfinite(answers(make, shape)[1]).all()
    np.savez(target, **found)


if __name__ == "__main__":
    main(sys.argv[1])

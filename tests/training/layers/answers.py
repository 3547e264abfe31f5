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
    "jk centered": (lambda: JK(5, centered=True, return_sequences=True), (6, 3)),
    "jk closing": (lambda: JK(5, closing=True, return_sequences=True), (6, 3)),
    "sr": (lambda: SR(4, both="hold"), (6, 3)),
    "toggle": (lambda: Toggle(4), (6, 3)),
    "jk both ways": (lambda: keras.layers.Bidirectional(JK(4, return_sequences=True)), (6, 3)),
    "jk backwards": (lambda: JK(4, go_backwards=True, recurrent_gates=False), (6, 3)),
    "jk in parallel": (lambda: JK(4, recurrent_gates=False, implementation="parallel"), (6, 3)),
    "ctrnn": (lambda: CTRNN(4, tau_ms=3.0), (6, 3)),
    "conv_jk": (lambda: ConvJK2D(3, 3, padding="same", return_sequences=True), (4, 5, 6, 2)),
    "conv_jk both ways": (lambda: keras.layers.Bidirectional(ConvJK2D(2, 3, strides=2)), (4, 5, 6, 2)),
    "conv_jk centered": (lambda: ConvJK2D(3, 3, padding="same", centered=True), (4, 5, 6, 2)),
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


def masked(make, shape):
    """Answers where some sequences end early; those of their own steps alone are the same."""
    x = np.random.default_rng(6).normal(size=(4, *shape)).astype(np.float32)
    lengths = np.array([6, 1, 4, 3])
    layer = make()
    layer(x)
    drawn = np.random.default_rng(7)
    layer.set_weights([drawn.normal(0, 0.4, w.shape) for w in layer.get_weights()])
    given = keras.ops.convert_to_numpy(layer(x, mask=np.arange(shape[0]) < lengths[:, None]))
    alone = [keras.ops.convert_to_numpy(layer(x[n : n + 1, :length]))[0] for n, length in enumerate(lengths)]
    np.testing.assert_allclose(given, alone, atol=2e-6)
    return given


def continued(make, shape):
    """Halves of sequences, the second from the first one's states, given or kept, end as whole ones do."""
    x = np.random.default_rng(8).normal(size=(4, *shape)).astype(np.float32)
    half = shape[0] // 2
    layer = make(return_state=True)
    _, *states = layer(x[:, :half])
    whole, *_ = layer(x)
    second, *_ = layer(x[:, half:], initial_state=states)
    keeping = make(stateful=True)
    keeping(x[:, :half])
    keeping.set_weights(layer.get_weights())
    keeping.reset_states()
    keeping(x[:, :half])
    kept = keeping(x[:, half:])
    answers = [keras.ops.convert_to_numpy(answer) for answer in (whole, second, kept)]
    np.testing.assert_allclose(answers[1], answers[0], atol=2e-6)
    np.testing.assert_allclose(answers[2], answers[0], atol=2e-6)


STATES = {
    "jk": (lambda **options: JK(4, **options), (6, 3)),
    "sr": (lambda **options: SR(4, **options), (6, 3)),
    "toggle": (lambda **options: Toggle(4, **options), (6, 3)),
    "jk centered": (lambda **options: JK(4, centered=True, **options), (6, 3)),
    "conv_jk": (lambda **options: ConvJK2D(2, 3, padding="same", **options), (6, 5, 4, 2)),
}


def main(target):
    found = {}
    for name, (make, shape) in STATES.items():
        found[f"{name} masked"] = masked(make, shape)
        continued(make, shape)
    for name, (make, shape) in LAYERS.items():
        found[f"{name} before"], found[f"{name} after"] = answers(make, shape)
    for make, shape in DROPOUT.values():
        assert np.isfinite(answers(make, shape)[1]).all()
    np.savez(target, **found)


if __name__ == "__main__":
    main(sys.argv[1])

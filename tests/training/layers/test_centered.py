"""Centered flip-flops: the plain layer with other weights, its states from -1 to 1."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from ffhw.training.layers.conv_jk import ConvJK2D, ConvJK2DCell
from ffhw.training.layers.jk import JK, JKCell
from ffhw.training.layers.sr import SR
from ffhw.training.layers.toggle import Toggle


def drawn(layer, x, rng):
    """The layer with weights that differ in every element."""
    layer(x)
    layer.set_weights([rng.normal(0, 0.8, w.shape) for w in layer.get_weights()])
    return layer


def plain_of(layer, x):
    """The same layer without the option: ``W_h (2 h - 1) + b = 2 W_h h + (b - W_h 1)``."""
    plain = type(layer).from_config({**layer.get_config(), "centered": False, "name": "plain", "use_bias": True})
    plain(x)
    weights = dict(zip(("kernel", "recurrent", "bias"), layer.get_weights(), strict=False))
    recurrent, bias = weights["recurrent"], np.array(weights.get("bias", np.zeros(plain.get_weights()[2].shape)))
    moved = recurrent.sum(axis=tuple(range(recurrent.ndim - 1)))
    bias[-1 if bias.ndim == 2 else slice(None)] -= moved
    plain.set_weights([weights["kernel"], 2 * recurrent, bias])
    return plain


@pytest.mark.parametrize("options", [{}, {"use_bias": False}, {"unroll": True}, {"go_backwards": True}])
@pytest.mark.parametrize("kind", [JK, SR, Toggle])
def test_it_is_the_plain_layer_with_other_weights(kind, options, rng):
    x = rng.normal(size=(5, 7, 3)).astype(np.float32)
    layer = drawn(kind(4, centered=True, return_sequences=True, **options), x, rng)
    plain = ops.convert_to_numpy(plain_of(layer, x)(x))
    assert ops.convert_to_numpy(layer(x)) == pytest.approx(2 * plain - 1, abs=2e-6)


def test_so_are_maps(rng):
    x = rng.normal(size=(2, 5, 4, 6, 3)).astype(np.float32)
    layer = drawn(ConvJK2D(2, 3, padding="same", return_sequences=True, centered=True), x, rng)
    plain = ops.convert_to_numpy(plain_of(layer, x)(x))
    assert ops.convert_to_numpy(layer(x)) == pytest.approx(2 * plain - 1, abs=2e-6)


def test_so_are_maps_with_channels_first(rng, monkeypatch):
    """One step; TensorFlow convolves channels_first on a GPU only, so that the axes are moved for it."""
    convolved = ops.conv

    def moved(x, kernel, strides, padding, data_format, *dilation):
        last = convolved(ops.moveaxis(x, 1, -1), kernel, strides, padding, "channels_last", *dilation)
        return ops.moveaxis(last, -1, 1)

    x, state = (rng.uniform(size=(2, 4, 6, n)).astype(np.float32) for n in (3, 2))
    layer = drawn(ConvJK2D(2, 3, padding="same", centered=True), x[:, None], rng)
    expected, _ = layer.cell(x, [state])
    monkeypatch.setattr("ffhw.training.layers.convolutional.ops.conv", moved)
    first = ConvJK2DCell(2, 3, padding="same", centered=True, data_format="channels_first")
    first.build((2, 3, 4, 6))
    first.set_weights(layer.get_weights())
    given, _ = first(np.moveaxis(x, -1, 1), [np.moveaxis(state, -1, 1)])
    assert np.moveaxis(np.asarray(given), 1, -1) == pytest.approx(np.asarray(expected), abs=2e-6)


def test_gates_of_the_inputs_only_have_centered_outputs(rng):
    x = rng.normal(size=(5, 7, 3)).astype(np.float32)
    layer = drawn(JK(4, centered=True, recurrent_gates=False, return_sequences=True), x, rng)
    plain = JK(4, recurrent_gates=False, return_sequences=True)
    plain(x)
    plain.set_weights(layer.get_weights())
    assert ops.convert_to_numpy(layer(x)) == pytest.approx(2 * ops.convert_to_numpy(plain(x)) - 1, abs=2e-6)


def test_states_that_are_returned_go_in_again(rng):
    x = rng.normal(size=(5, 8, 3)).astype(np.float32)
    layer = drawn(JK(4, centered=True, return_sequences=True, return_state=True), x, rng)
    whole, last = layer(x)
    first, state = layer(x[:, :3])
    second, after = layer(x[:, 3:], initial_state=[state])
    assert np.allclose(ops.concatenate([first, second], axis=1), whole, atol=1e-6)
    assert np.allclose(after, last, atol=1e-6)
    assert np.allclose(2 * ops.convert_to_numpy(last) - 1, whole[:, -1], atol=1e-6)


def test_gradients_are_those_of_keras_loop(rng):
    """Of the loop that is written by hand, under a mask that begins late and ends early."""
    x = tf.constant(rng.normal(size=(3, 6, 3)).astype(np.float32))
    mask = tf.constant(np.array([[1, 1, 1, 1, 1, 1], [0, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0]], bool))
    found = []
    for unroll in (False, True):
        layer = drawn(JK(4, centered=True, return_sequences=True, unroll=unroll), x, np.random.default_rng(1))
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.sin(layer(x, mask=mask)))
        found.append([np.asarray(g) for g in tape.gradient(loss, layer.trainable_variables)])
    for by_hand, by_keras in zip(*found, strict=True):
        assert by_hand == pytest.approx(by_keras, abs=1e-5)


@pytest.mark.parametrize("made", [JK(3, centered=True), ConvJK2D(3, 3, centered=True), JKCell(3, centered=True)])
def test_the_option_is_kept(made):
    again = type(made).from_config(made.get_config())
    assert again.get_config()["centered"] is True


@pytest.mark.parametrize("kind", [lambda **o: JK(3, **o), lambda **o: ConvJK2D(3, 3, **o)])
def test_what_it_cannot_be_is_refused(kind):
    with pytest.raises(ValueError, match="centered must be True or False, not 'no'"):
        kind(centered="no")
    with pytest.raises(ValueError, match="centered takes no recurrent_dropout"):
        kind(centered=True, recurrent_dropout=0.1)


def test_it_learns_what_the_plain_layer_hardly_does():
    """Two layers draw a sine from a constant input: 200 updates, the same beginnings."""

    def loss(centered):
        keras.utils.set_random_seed(1)
        parts = [JK(16, centered=centered, return_sequences=True) for _ in range(2)]
        model = keras.Sequential([keras.Input((40, 1)), *parts, keras.layers.Dense(1)])
        model.compile(keras.optimizers.Adam(0.01), "mse", jit_compile=False)
        x, y = np.ones((1, 40, 1)), np.sin(np.arange(40) * 0.35)[None, :, None]
        # one epoch of 200 copies: an epoch costs more than an update
        model.fit(np.repeat(x, 200, axis=0), np.repeat(y, 200, axis=0), batch_size=1, verbose=0)
        return model.evaluate(x, y, verbose=0)

    assert loss(True) < 0.25 * loss(False)

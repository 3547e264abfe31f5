"""Training on integers: the model gives the golden model's codes, and the gradients of the float model."""

from __future__ import annotations

import warnings

import integer_models
import keras
import numpy as np
import pytest
from integer_models import CELLS, CHAINS, WIDTHS, equal_codes, sequences, wild

from ffhw.errors import InputError
from ffhw.numbers.scales import Widths, choose_frac, weight_unit
from ffhw.training import quantized
from ffhw.training.layers.jk import JK
from ffhw.training.layers.sr import SR
from ffhw.training.layers.toggle import Toggle

layers = keras.layers


@pytest.mark.parametrize("widths", WIDTHS)
@pytest.mark.parametrize("cell", CELLS)
def test_the_model_gives_the_codes_of_the_network_that_it_becomes(cell, widths, tmp_path):
    x = sequences()
    model = wild(CELLS[cell](5, return_sequences=True), layers.Dense(4))
    made = quantized(model, WIDTHS[widths], x)
    assert equal_codes(made, x, tmp_path) == 6 * 5 * 4
    # loaded from its file, it is the same
    again = keras.models.load_model(tmp_path / "trained.keras")
    assert np.array_equal(np.asarray(again(x)), np.asarray(made(x)))


@pytest.mark.parametrize("cell", [JK, SR, Toggle])
def test_gates_of_inputs_only(cell, tmp_path):
    """They have no recurrent weights, which must neither be looked for in the file nor be missed by the optimizer."""
    x = sequences(ragged=True)
    inside = cell(5, return_sequences=True, recurrent_gates=False)
    made = quantized(wild(layers.Masking(), inside, layers.Dense(4)), Widths(4, state_bits=1), x)
    assert equal_codes(made, x, tmp_path) == 4 * int((x != 0).any(axis=-1).sum())
    made.compile("sgd", "mse", jit_compile=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made.fit(x, np.zeros((*x.shape[:2], 4)), verbose=0)


@pytest.mark.parametrize("merge", ["concat", "sum", "ave", "mul"])
@pytest.mark.parametrize("cell", ["gru", "gru_reset_before"])
def test_both_directions(cell, merge, tmp_path):
    x = sequences(ragged=True)
    model = wild(
        layers.Masking(),
        layers.Bidirectional(CELLS[cell](4, return_sequences=True), merge_mode=merge),
        layers.Bidirectional(SR(3), merge_mode=merge),
        layers.Dense(3, activation="softmax"),
    )
    assert equal_codes(quantized(model, 4, x), x, tmp_path) == 6 * 3


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("pooled", [False, True])
def test_chains(chain, pooled, tmp_path):
    front, cell = integer_models.chain(chain)
    behind = [layers.GlobalAveragePooling1D(), layers.Dense(2, activation="relu")] if pooled else [layers.Dense(2)]
    x = sequences(steps=7) * np.float32([1.0, 100.0, 0.01])
    made = quantized(wild(*front, cell(4, return_sequences=True), *behind), 5, x)
    assert equal_codes(made, x, tmp_path) >= 6 * 2


@pytest.mark.parametrize("mask_zero", [False, True])
def test_tokens(mask_zero, tmp_path):
    tokens = [keras.Input((None,), dtype="int32"), layers.Embedding(9, 4, mask_zero=mask_zero)]
    model = keras.Sequential([*tokens, JK(5), layers.Dense(3)])
    x = np.random.default_rng(1).integers(1, 9, (6, 5))
    x[::2, 3:] = 0
    made = quantized(model, 4, x)
    assert equal_codes(made, x, tmp_path) == 6 * 3


@pytest.mark.parametrize("cell", CELLS)
def test_without_rounding_it_is_the_float_model(cell):
    """Values and gradients: the rules are those of the float layer, and the backward pass by hand is right."""
    import tensorflow as tf

    x = tf.constant(sequences(ragged=True))
    model = wild(layers.Masking(), CELLS[cell](5, return_sequences=True), CELLS[cell](4), layers.Dense(3))
    made = quantized(model, 8, x.numpy(), rounding=False)

    def slopes(model):
        with tf.GradientTape() as tape:
            tape.watch(x)
            answer = model(x)
            loss = tf.reduce_sum(tf.sin(answer))
        recurrent, bias = (
            next(w for w in model.layers[1].trainable_weights if w.name in names)
            for names in (("recurrent_kernel", "weights_h"), ("bias",))
        )
        return [answer.numpy(), *(slope.numpy() for slope in tape.gradient(loss, [x, recurrent, bias]))]

    answer, by_x, by_recurrent, by_bias = slopes(model)
    own, own_by_x, own_by_recurrent, own_by_bias = slopes(made)
    assert np.allclose(own, answer, atol=1e-5)
    assert np.allclose(own_by_x, by_x, atol=1e-4)
    # the same numbers in another order, and on a scale of their own
    unit = weight_unit(made.layers[1].layer.state)
    by_recurrent, own_by_recurrent = (np.sort(np.abs(g), axis=None) for g in (by_recurrent, own_by_recurrent * unit))
    assert np.allclose(own_by_recurrent, by_recurrent, atol=1e-4)
    # flip-flops have two biases and GRU the gates' in two rows, which are one here
    assert np.isclose(np.abs(own_by_bias).max(), np.abs(by_bias).max(), rtol=1e-3)


@pytest.mark.parametrize("cell", CELLS)
def test_gradients_with_rounding_are_close_to_those_without(cell):
    import tensorflow as tf

    x = tf.constant(sequences())
    model = wild(CELLS[cell](5, return_sequences=True), layers.Dense(3))

    def slopes(made):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.sin(made(x)))
        return np.concatenate([np.ravel(g) for g in tape.gradient(loss, made.trainable_weights)])

    smooth, rounded = (slopes(quantized(model, 10, x.numpy(), rounding=kind)) for kind in (False, True))
    assert np.abs(rounded).max() > 0.1
    assert np.linalg.norm(rounded - smooth) < 0.03 * np.linalg.norm(smooth)


def test_widths_may_shrink_in_steps():
    x = sequences()
    model = wild(layers.LSTM(5, return_sequences=True), layers.Dense(4))
    at_once = quantized(model, 4, x)
    in_steps = quantized(quantized(model, 8, x), 4, x)
    assert np.array_equal(np.asarray(at_once(x)), np.asarray(in_steps(x)))


def test_a_stage_begins_with_the_integers_before_it():
    """Where outputs saturate, or weights were left beyond their grid, floats of these weights are another network."""
    x = sequences()
    widths = Widths(2, input_bits=8)
    before = quantized(wild(JK(6, return_sequences=True), layers.Dense(4)), widths, x)
    weights, grid = before.layers[-1].numbers["weights"], before.layers[-1].grids["weights"]
    weights.assign(100.0 * np.abs(weights.value))
    given = np.asarray(before(x))
    after = quantized(before, widths, x).layers[-1]
    assert after.layer.output.frac == choose_frac(given, 2)
    assert np.abs(after.numbers["weights"]).max() <= grid.high * 2.0**-grid.frac


@pytest.mark.parametrize("weights", ["binary", "ternary", 1, 2, 3, 4])
def test_the_same_widths_once_more_change_nothing(weights):
    """Scales are chosen by what the codes are worth: those of numbers clipped to a grid would be finer than the grid.

    But for outputs that turn out to reach less far than the floats': they may be resolved better.
    """
    keras.utils.set_random_seed(1)
    x = sequences(count=16, steps=12)
    widths = Widths(8, weight_bits=weights)
    once = quantized(wild(JK(12, return_sequences=True), JK(12, return_sequences=True), layers.Dense(4)), widths, x)
    again = quantized(once, widths, x)
    for before, after in zip(once.layers, again.layers, strict=True):
        assert {name: grid.frac for name, grid in before.grids.items() if name != "bias"} == {
            name: grid.frac for name, grid in after.grids.items() if name != "bias"
        }
    step = 1 / once.layers[-1].layer.output.scale
    assert np.abs(np.asarray(once(x)) - np.asarray(again(x))).max() <= step / 2


def test_it_trains(tmp_path):
    keras.utils.set_random_seed(3)
    x = sequences(count=64)
    y = (x[:, -1, 0] > 0).astype(np.float32)
    made = quantized(wild(JK(6), layers.Dense(1, activation="sigmoid")), Widths(4, state_bits=3), x)
    made.compile(keras.optimizers.Adam(0.05), "binary_crossentropy", metrics=["accuracy"], jit_compile=False)
    before = made.evaluate(x, y, verbose=0)[1]
    made.fit(x, y, epochs=40, verbose=0)
    assert made.evaluate(x, y, verbose=0)[1] > max(before, 0.9)
    assert equal_codes(made, x, tmp_path) == 64


@pytest.mark.parametrize("cell", CELLS)
def test_weights_that_are_no_numbers_give_answers_that_are_none(cell):
    """As of a training that diverged: the epochs before it are kept only if what follows is judged, and not refused."""
    x = sequences()
    made = quantized(wild(CELLS[cell](5, return_sequences=True), layers.Dense(4)), 4, x)
    made.set_weights([np.full_like(weights, np.nan) for weights in made.get_weights()])
    made.compile("sgd", "mse", jit_compile=False)
    assert np.isnan(made.evaluate(x, np.zeros((*x.shape[:2], 4)), verbose=0))


def test_what_cannot_train_on_integers_is_told():
    with pytest.raises(InputError, match="x has 4 values a step, the model takes 3"):
        quantized(wild(JK(3)), 4, sequences(inputs=4))
    with pytest.raises(InputError, match="must be from 1 to 16"):
        quantized(wild(JK(3)), 17, sequences())


def test_gradients_die_away_over_hundreds_of_steps():
    """Units of two bits that hold by codes of 0 pass no more of an error on than they are worth."""
    import tensorflow as tf

    x = sequences(count=4, steps=200)
    made = quantized(wild(JK(32, return_sequences=True)), Widths(8, weight_bits=2, state_bits=2), x)
    layer = made.layers[0]
    rng = np.random.default_rng(1)
    layer.numbers["bias"].assign(np.full((2, 32), -2.5))
    layer.numbers["weights_x"].assign(rng.choice([-1.0, 0.0, 1.0], (2, 32, 3)))
    layer.numbers["weights_h"].assign(rng.choice([-1.0, 0.0, 1.0], (2, 32, 32), p=[0.1, 0.8, 0.1]))

    def slope(steps):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(made(x[:, :steps])[:, -1])
        return float(tf.norm(tape.gradient(loss, layer.numbers["weights_h"])))

    assert 0 < slope(200) < 1.3 * slope(25)

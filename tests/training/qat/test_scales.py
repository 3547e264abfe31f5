"""Learned scales: the model gives the golden model's codes wherever its scales went, and they go where it pays."""

from __future__ import annotations

import integer_models
import keras
import numpy as np
import pytest
from integer_models import CELLS, CHAINS, WIDTHS, equal_codes, golden_codes, sequences, wild

from ffhw.errors import InputError
from ffhw.layers.settled import SPAN
from ffhw.numbers.scales import Widths
from ffhw.training import quantized
from ffhw.training.layers.jk import JK
from ffhw.training.qat.codes import Rounding
from ffhw.training.qat.convert import moved_scales
from ffhw.training.qat.scales import Scales

layers = keras.layers


def moved(model, seed):
    """The model with each scale somewhere else in its range, ends included and beyond."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        for exponent in getattr(layer, "exponents", {}).values():
            exponent.assign(rng.uniform(-2 * SPAN - 1, 1))
    return model


@pytest.mark.parametrize("widths", WIDTHS)
@pytest.mark.parametrize("cell", CELLS)
def test_at_first_scales_are_those_of_calibration(cell, widths):
    x = sequences()
    model = wild(CELLS[cell](5, return_sequences=True), layers.Dense(4))
    made = quantized(model, WIDTHS[widths], x, learn_scales=True)
    assert sum(layer.count_params() for layer in made.layers) == 5 + sum(
        layer.count_params() for layer in quantized(model, WIDTHS[widths], x).layers
    )
    assert np.array_equal(np.asarray(made(x)), np.asarray(quantized(model, WIDTHS[widths], x)(x)))


@pytest.mark.parametrize("widths", WIDTHS)
@pytest.mark.parametrize("cell", CELLS)
def test_wherever_scales_go_codes_are_those_of_the_network(cell, widths, tmp_path):
    x = sequences()
    model = wild(CELLS[cell](5, return_sequences=True), layers.Dense(4))
    made = quantized(model, WIDTHS[widths], x, learn_scales=True)
    for seed in range(6):
        assert equal_codes(moved(made, seed), x, tmp_path) == 6 * 5 * 4
    again = keras.models.load_model(tmp_path / "trained.keras")
    assert np.array_equal(np.asarray(again(x)), np.asarray(made(x)))


@pytest.mark.parametrize("merge", ["concat", "sum", "ave", "mul"])
def test_both_directions_have_scales_of_their_own(merge, tmp_path):
    x = sequences(ragged=True)
    both = layers.Bidirectional(layers.GRU(4), merge_mode=merge)
    made = quantized(wild(layers.Masking(), both, layers.Dense(3)), 4, x, learn_scales=True)
    first, last = made.layers[-2:]
    directions = [f"{way}.weights_{of}" for way in ("ahead", "back") for of in "xh"]
    assert sorted(first.exponents) == sorted([*directions, "input"])
    assert sorted(last.exponents) == ["output", "weights"]
    for seed in range(6):
        assert equal_codes(moved(made, seed), x, tmp_path) == 6 * 3


@pytest.mark.parametrize("chain", CHAINS)
def test_chains(chain, tmp_path):
    front, cell = integer_models.chain(chain)
    x = sequences(steps=7) * np.float32([1.0, 100.0, 0.01])
    behind = [layers.Dense(4, activation="relu"), layers.Dense(2)]
    made = quantized(wild(*front, cell(4, return_sequences=True), *behind), 5, x, learn_scales=True)
    for seed in range(4):
        assert equal_codes(moved(made, seed), x, tmp_path) >= 6 * 2


def test_tokens_keep_theirs(tmp_path):
    tokens = [keras.Input((None,), dtype="int32"), layers.Embedding(9, 4)]
    x = np.random.default_rng(1).integers(1, 9, (6, 5))
    made = quantized(keras.Sequential([*tokens, JK(5), layers.Dense(3)]), 4, x, learn_scales=True)
    assert [list(getattr(layer, "exponents", ())) for layer in made.layers] == [
        [],
        ["weights_x", "weights_h"],
        ["weights", "output"],
    ]
    assert equal_codes(moved(made, 1), x, tmp_path) == 6 * 3


def test_the_network_has_the_scales_that_training_chose(tmp_path):
    x = sequences()
    made = quantized(wild(JK(5), layers.Dense(4)), 4, x, learn_scales=True)
    before, *_ = golden_codes(made, x, tmp_path)
    first, last = made.layers
    for layer, name, bits in ((first, "weights_h", -2), (first, "input", 1), (last, "output", -3)):
        layer.exponents[name].assign(layer.exponents[name].value + bits + 0.4)
    after, *_ = golden_codes(made, x, tmp_path)
    assert after.layers[0].frac_h == before.layers[0].frac_h - 2
    assert after.layers[0].frac_x == before.layers[0].frac_x
    assert after.layers[0].input.frac == before.layers[0].input.frac + 1
    assert after.layers[1].output.frac == before.layers[1].output.frac - 3
    assert after.layers[1].frac == before.layers[1].frac


@pytest.mark.parametrize(("size", "missing"), [(0.3, 0.3), (2.7, -0.3), (40.0, -7.0), (-40.0, 8.0)])
def test_a_scale_follows_what_its_grid_loses(size, missing):
    """In steps: what rounding took away; where it saturates, the largest code, which asks for a coarser grid."""
    import tensorflow as tf

    dense = quantized(wild(JK(5), layers.Dense(4)), 4, sequences(), learn_scales=True).layers[-1]
    exponent = tf.Variable(-2.0)
    with tf.GradientTape() as tape:
        scales = Scales(dense.layer, {"weights": exponent})
        codes = scales.weight_codes("weights", tf.constant([size * 4.0]), dense.grids["weights"], Rounding())
    assert float(tape.gradient(codes, exponent)) == pytest.approx(np.log(2) * 4 * missing, rel=1e-4)


def test_scales_are_learned():
    """Outputs whose range calibration did not know: the scale is the only thing that can help."""
    keras.utils.set_random_seed(1)
    x = sequences(count=64)
    model = wild(JK(6), layers.Dense(1))
    y = np.asarray(model(x)) * 6
    losses = []
    for learn in (False, True):
        made = quantized(model, Widths(4), x, learn_scales=learn)
        made.compile(keras.optimizers.Adam(0.03), "mse", jit_compile=False)
        # sixty times in one epoch: an epoch costs more than its two updates
        made.fit(np.tile(x, (60, 1, 1)), np.tile(y, (60, 1)), verbose=0)
        losses.append(made.evaluate(x, y, verbose=0))
    assert losses[1] < 0.3 * losses[0]


def test_widths_may_shrink_in_steps():
    """From scales that training moved, a stage begins with what they gave, and with calibrated ones again."""
    keras.utils.set_random_seed(1)
    x = sequences()
    model = wild(layers.LSTM(5, return_sequences=True), layers.Dense(4))
    wide = moved(quantized(model, 10, x, learn_scales=True), 1)
    in_steps = quantized(wide, 8, x)
    assert moved_scales(in_steps) == {}
    assert not any(layer.learned for layer in in_steps.layers)
    assert np.abs(np.asarray(wide(x)) - np.asarray(in_steps(x))).max() < 0.1


def test_what_has_no_scale_to_learn_is_told():
    x = sequences()
    with pytest.raises(InputError, match=r"^without rounding there are no scales to learn: leave out learn_scales$"):
        quantized(wild(JK(3)), 4, x, rounding=False, learn_scales=True)
    tokens = keras.Sequential([keras.Input((None,), dtype="int32"), layers.Embedding(9, 4)])
    with pytest.raises(InputError, match=r"^no layer has a scale of its own: leave out learn_scales$"):
        quantized(tokens, 4, np.ones((2, 3)), learn_scales=True)

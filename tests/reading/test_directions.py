"""Bidirectional layers, and layers that go backwards, read as Keras runs them."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from ffhw.errors import InputError
from ffhw.layers.bidirectional import MERGES
from ffhw.model import floatnet, golden
from ffhw.model.network import Network
from ffhw.model.quantize import quantize
from ffhw.numbers.scales import Widths
from ffhw.reading.keras_model import read_model


def saved(layers, path, rng, inputs=3):
    import keras

    model = keras.Sequential([keras.Input((None, inputs)), *layers])
    for weight in model.trainable_variables:
        weight.assign(rng.normal(0, 0.7, weight.shape))
    model.save(path)
    return model


def ragged(rng, steps=9):
    """Sequences padded with a value that a mask knows, and their lengths."""
    x, lengths = rng.normal(size=(4, steps, 3)), np.array([steps, 4, 1, 6])
    return np.where(np.arange(steps)[:, None] < lengths[:, None, None], x, 0.0), lengths


def cells(keras):
    from ffhw.training.layers.jk import JK
    from ffhw.training.layers.sr import SR

    before = functools.partial(keras.layers.GRU, reset_after=False)
    given = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU, "gru-reset-before": before}
    return {"jk": JK, "sr": SR, "rnn": keras.layers.SimpleRNN, **given}


@pytest.mark.parametrize("merge", MERGES)
@pytest.mark.parametrize("cell", ["jk", "sr", "lstm", "gru", "gru-reset-before", "rnn"])
def test_a_stack_of_bidirectional_layers_is_read_as_it_is(cell, merge, tmp_path, rng):
    import keras

    made = cells(keras)[cell]
    model = saved(
        [
            keras.layers.Masking(),
            keras.layers.Bidirectional(made(4, return_sequences=True), merge_mode=merge),
            keras.layers.Bidirectional(made(3), merge_mode=merge),
            keras.layers.Dense(2),
        ],
        tmp_path / "m.keras",
        rng,
    )
    x, lengths = ragged(rng)
    network = read_model(tmp_path / "m.keras")
    expected = model.predict(x, verbose=0)
    assert floatnet.predict(network, x, lengths) == pytest.approx(expected, abs=2e-5)
    small = quantize(network, x, lengths, widths=Widths(12))
    assert small.max_steps == 16
    codes = golden.run(small, small.encode(x), lengths).outputs
    assert np.abs(small.decode(codes) - expected).max() < 0.03
    # through its file and back
    (tmp_path / "n.npz").write_bytes(small.to_bytes())
    again = Network.load(tmp_path / "n.npz")
    assert again.to_bytes() == small.to_bytes()
    assert np.array_equal(golden.run(again, small.encode(x), lengths).outputs, codes)


@pytest.mark.parametrize("cell", ["jk", "lstm"])
def test_a_layer_that_goes_backwards_is_read_as_it_is(cell, tmp_path, rng):
    import keras

    made = cells(keras)[cell]
    layers = [
        keras.layers.Rescaling(0.5, 0.1),
        made(4, return_sequences=True, go_backwards=True, name="late"),
        made(3, go_backwards=True),
    ]
    model = saved(layers, tmp_path / "m.keras", rng)
    x = rng.normal(size=(4, 7, 3))
    network = read_model(tmp_path / "m.keras")
    assert [layer.name for layer in network.layers][:2] == ["late_reversal", "late"]
    assert floatnet.predict(network, x) == pytest.approx(model.predict(x, verbose=0), abs=1e-5)


def test_directions_that_differ_are_refused(tmp_path, rng):
    import keras

    from ffhw.training.layers.jk import JK

    both = keras.layers.Bidirectional(JK(4), backward_layer=JK(3, go_backwards=True), name="both")
    saved([both], tmp_path / "m.keras", rng)
    with pytest.raises(InputError, match=r"^layer 'both': backward_layer has no hardware where it differs in kind"):
        read_model(tmp_path / "m.keras")


def test_an_option_inside_is_refused_by_its_layer(tmp_path, rng):
    import keras

    saved([keras.layers.Bidirectional(keras.layers.GRU(4, activation="relu"))], tmp_path / "m.keras", rng)
    with pytest.raises(
        InputError, match=r"^layer 'forward_gru(_\d+)?': activation='relu' has no hardware; use 'tanh'$"
    ):
        read_model(tmp_path / "m.keras")


def test_no_merger_at_all_is_refused(tmp_path, rng):
    import keras

    given = keras.Input((None, 3))
    ahead, _ = keras.layers.Bidirectional(keras.layers.GRU(4), merge_mode=None, name="both")(given)
    keras.Model(given, ahead).save(tmp_path / "m.keras")
    with pytest.raises(InputError, match=r"layer 'both': merge_mode must be one of concat, sum, ave, mul, not None"):
        read_model(tmp_path / "m.keras")


def test_sequences_that_are_too_long_are_refused(tmp_path, rng):
    import keras

    saved([keras.layers.Bidirectional(keras.layers.SimpleRNN(2))], tmp_path / "m.keras", rng)
    network = quantize(read_model(tmp_path / "m.keras"), rng.normal(size=(2, 5, 3)), max_steps=6)
    golden.run(network, np.zeros((1, 6, 3), int))
    with pytest.raises(InputError, match=r"^sequences must have at most 6 steps \(--max-steps\), not 7$"):
        golden.run(network, np.zeros((1, 7, 3), int))

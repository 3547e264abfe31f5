"""Centered flip-flops become plain ones: of their own gates, and of the layer behind them."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from ffhw.errors import InputError
from ffhw.model import floatnet, golden
from ffhw.model.quantize import quantize
from ffhw.numbers.scales import Widths
from ffhw.reading.keras_model import read_model
from ffhw.training.layers import JK, ConvJK2D, JKCell
from ffhw.training.layers.sr import SR
from ffhw.training.layers.toggle import Toggle

layers = keras.layers


def saved(parts, path, rng, shape=(3,)):
    model = keras.Sequential([keras.Input((7, *shape)), *parts])
    for weight in model.trainable_variables:
        weight.assign(rng.normal(0, 0.5, weight.shape))
    model.save(path)
    return model


def check(parts, tmp_path, rng, shape=(3,)):
    """Kinds of the layers that are read, which answer as Keras does, and nearly so in integers of 14 bits."""
    model = saved(parts, tmp_path / "m.keras", rng, shape)
    network = read_model(tmp_path / "m.keras")
    x = rng.normal(size=(4, 7, *shape))
    wanted = model.predict(x, verbose=0)
    flat = x.reshape(4, 7, -1)
    found = floatnet.predict(network, flat)
    assert found.reshape(wanted.shape) == pytest.approx(wanted, abs=2e-5)
    integers = quantize(network, flat, widths=Widths(14))
    values = integers.decode(golden.run(integers, integers.encode(flat)).outputs)
    assert values.reshape(wanted.shape) == pytest.approx(wanted, abs=0.02)
    return [layer.kind for layer in network.layers]


@pytest.mark.parametrize("kind", [JK, SR, Toggle])
@pytest.mark.parametrize("use_bias", [True, False])
def test_a_stack(kind, use_bias, tmp_path, rng):
    first = kind(5, centered=True, use_bias=use_bias, return_sequences=True)
    second = kind(4, centered=True, go_backwards=True)
    assert check([first, second, layers.Dense(2)], tmp_path, rng)[-1] == "dense"


def test_a_loop_over_a_cell(tmp_path, rng):
    loop = layers.RNN(JKCell(4, centered=True), return_sequences=True)
    assert check([loop, layers.Dense(2)], tmp_path, rng) == ["jk", "dense"]


@pytest.mark.parametrize("merge", ["concat", "sum", "ave"])
def test_both_directions(merge, tmp_path, rng):
    both = layers.Bidirectional(JK(5, centered=True, return_sequences=True), merge_mode=merge)
    assert check([both, layers.LSTM(3), layers.Dense(2)], tmp_path, rng) == ["bidirectional", "lstm", "dense"]


def test_mergers_that_multiply_are_refused(tmp_path, rng):
    both = layers.Bidirectional(JK(5, centered=True), merge_mode="mul", name="both")
    saved([both, layers.Dense(2)], tmp_path / "m.keras", rng)
    with pytest.raises(
        InputError, match="layer 'both': merge_mode='mul' of centered states must be concat, sum or ave"
    ):
        read_model(tmp_path / "m.keras")


def test_directions_of_which_one_is_centered_are_refused(tmp_path, rng):
    both = layers.Bidirectional(JK(5, centered=True), backward_layer=JK(5, go_backwards=True), name="both")
    saved([both, layers.Dense(2)], tmp_path / "m.keras", rng)
    with pytest.raises(InputError, match="layer 'both': backward_layer has no hardware where only one of both is"):
        read_model(tmp_path / "m.keras")


def test_states_that_are_the_answer_are_refused(tmp_path, rng):
    saved([JK(5, centered=True, name="last")], tmp_path / "m.keras", rng)
    refused = "layer 'last': a scale at the output, as of centered states, needs a layer behind it, such as Dense"
    with pytest.raises(InputError, match=refused):
        read_model(tmp_path / "m.keras")


def test_a_scale_that_undoes_another_is_none(tmp_path, rng):
    """``0.5 (2 h - 1) + 0.5`` is h."""
    parts = [JK(5, centered=True, return_sequences=True), layers.Rescaling(0.5, 0.5)]
    assert check(parts, tmp_path, rng) == ["jk"]


@pytest.mark.parametrize("pooling", [layers.GlobalAveragePooling1D, layers.GlobalMaxPooling1D])
def test_pooling_along_time(pooling, tmp_path, rng):
    parts = [JK(5, centered=True, return_sequences=True), pooling(), layers.Dense(2)]
    assert check(parts, tmp_path, rng) == ["jk", "pooling", "dense"]


def test_maps(tmp_path, rng):
    parts = [
        ConvJK2D(3, 3, padding="same", centered=True, return_sequences=True),
        layers.TimeDistributed(layers.MaxPooling2D(2)),
        ConvJK2D(2, 3, padding="same", centered=True),
        layers.Flatten(),
        layers.Dense(2),
    ]
    kinds = check(parts, tmp_path, rng, (6, 5, 2))
    assert kinds == ["conv_jk", "map_pooling", "conv_jk", "dense"]


@pytest.mark.parametrize(
    ("part", "refused"),
    [
        (layers.BatchNormalization(name="norm", gamma_initializer=keras.initializers.Constant(-1.0)), "map"),
        (layers.BatchNormalization(name="norm", gamma_initializer=keras.initializers.Constant(2.0)), None),
    ],
)
def test_a_scale_passes_a_maximum_if_it_is_positive(part, refused, tmp_path):
    model = keras.Sequential(
        [
            keras.Input((7, 4, 4, 2)),
            ConvJK2D(3, 3, return_sequences=True),
            part,
            layers.TimeDistributed(layers.MaxPooling2D(2, name="pool")),
            layers.Flatten() if refused else ConvJK2D(2, 1),
            *([] if refused else [layers.Flatten()]),
            layers.Dense(2),
        ]
    )
    model.save(tmp_path / "m.keras")
    if refused:
        with pytest.raises(InputError, match="layer 'norm': a scale in front of layer"):
            read_model(tmp_path / "m.keras")
        return
    x = np.random.default_rng(1).normal(size=(2, 7, 4, 4, 2))
    found = floatnet.predict(read_model(tmp_path / "m.keras"), x.reshape(2, 7, -1))
    assert found == pytest.approx(model.predict(x, verbose=0), abs=1e-5)

"""SR and toggle neurons as Keras layers; what they share with JK is tested there."""

from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest
from keras import ops

from ffhw.layers.sr import BOTH
from ffhw.model import floatnet
from ffhw.reading.keras_model import read_model
from ffhw.training.layers.hold_bias import HoldBias
from ffhw.training.layers.jk import JK
from ffhw.training.layers.sr import SR, SRCell
from ffhw.training.layers.toggle import Toggle, ToggleCell

LAYERS = [*(pytest.param(lambda n, b=b, **o: SR(n, both=b, **o), id=f"sr-{b}") for b in BOTH), Toggle]


def sigmoid(v):
    return 1 / (1 + np.exp(-v))


def multilinear(cell, gates, h):
    """The function that agrees with the flip-flop's truth table at the corners, from the table itself."""
    names = itertools.product((0, 1), repeat=len(gates) + 1)
    total = 0.0
    for *levels, old in names:
        if isinstance(cell, ToggleCell):
            new = 1 - old if levels[0] else old
        else:
            new = {(0, 0): old, (1, 0): 1, (0, 1): 0, (1, 1): {"set": 1, "reset": 0, "hold": old}[cell.both]}[
                tuple(levels)
            ]
        corner = new
        for level, value in zip([*levels, old], [*gates, h], strict=True):
            corner = corner * (value if level else 1 - value)
        total = total + corner
    return total


def made(kind, rng, units=4, inputs=3, **options):
    layer = kind(units, return_sequences=True, **options)
    layer.build((None, None, inputs))
    layer.set_weights([rng.normal(0, 0.8, w.shape) for w in layer.get_weights()])
    return layer


@pytest.mark.parametrize("kind", LAYERS)
def test_layer_is_the_multilinear_reading_of_its_truth_table(kind, rng):
    layer = made(kind, rng)
    x = rng.normal(size=(5, 7, 3)).astype(np.float32)
    kernel, recurrent, bias = (np.array(w, dtype=np.float64) for w in layer.get_weights())
    h = np.zeros((5, 4))
    for t in range(7):
        gates = np.split(sigmoid(x[:, t] @ kernel + bias.sum(0) + h @ recurrent), layer.cell.gates, axis=1)
        h = multilinear(layer.cell, gates, h)
        assert ops.convert_to_numpy(layer(x))[:, t] == pytest.approx(h, abs=3e-6)


@pytest.mark.parametrize("kind", LAYERS)
def test_config_makes_the_same_layer(kind):
    layer = kind(3, name="one", dropout=0.1, use_bias=False)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()


@pytest.mark.parametrize("kind", [JK, *LAYERS])
def test_gates_of_the_inputs_only_make_a_step_linear_in_the_state(kind, rng):
    layer = made(kind, rng, recurrent_gates=False)
    x = rng.normal(size=(5, 7, 3)).astype(np.float32)
    kernel, bias = (np.array(w, dtype=np.float64) for w in layer.get_weights())
    assert layer.count_params() == layer.cell.gates * 4 * (3 + 2)
    h = np.zeros((5, 4))
    for t in range(7):
        gates = np.split(sigmoid(x[:, t] @ kernel + bias.sum(0)), layer.cell.gates, axis=1)
        # from each end of the state: what lies between is on a line
        low, high = (layer.cell.update(gates, end) for end in (0.0, 1.0))
        h = low + (high - low) * h
        assert ops.convert_to_numpy(layer(x))[:, t] == pytest.approx(h, abs=3e-6)


def test_gates_of_the_inputs_only_are_kept_and_read(rng, tmp_path):
    model = keras.Sequential([
        keras.Input((None, 3)),
        JK(4, recurrent_gates=False, return_sequences=True),
        Toggle(3, recurrent_gates=False, use_bias=False, return_sequences=True),
        keras.layers.Bidirectional(JK(2, recurrent_gates=False)),
    ])  # fmt: skip
    for weight in model.trainable_variables:
        weight.assign(rng.normal(0, 0.8, weight.shape))
    model.save(tmp_path / "m.keras")
    x = rng.normal(size=(4, 6, 3))
    again = keras.models.load_model(tmp_path / "m.keras")
    assert np.array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    network = read_model(tmp_path / "m.keras")
    assert floatnet.predict(network, x) == pytest.approx(model.predict(x, verbose=0), abs=1e-5)


def test_parameters_are_counted():
    for kind, gates in ((JK, 2), (SR, 2), (Toggle, 1)):
        layer = kind(5)
        layer.build((None, None, 3))
        assert layer.count_params() == gates * 5 * (3 + 5 + 2)


def test_bad_options_are_refused():
    with pytest.raises(ValueError, match=r"^both must be one of set, reset, hold, not 'both'$"):
        SRCell(3, both="both")
    with pytest.raises(ValueError, match=r"^ToggleCell needs HoldBias\(gates=1\)$"):
        Toggle(3, bias_initializer=HoldBias())
    with pytest.raises(
        ValueError, match=r"^implementation='parallel' needs recurrent_gates=False: other gates must wait"
    ):
        JK(3, implementation="parallel")


def test_fresh_toggle_neurons_hold_as_long_as_they_are_told():
    layer = Toggle(4, bias_initializer=HoldBias(2.0, 16.0, gates=1), kernel_initializer="zeros",
                   recurrent_initializer="zeros", return_sequences=True)  # fmt: skip
    states = ops.convert_to_numpy(layer(np.zeros((1, 4, 2), np.float32)))[0]
    # h - 1/2 relaxes by 1 - 2 T = 1 - 1 / time a step
    time = np.array([2.0, 4.0, 8.0, 16.0])
    assert 0.5 - states[-1] == pytest.approx(0.5 * (1 - 1 / time) ** 4, abs=1e-5)


@pytest.mark.parametrize("kind", LAYERS)
def test_saved_model_is_read_as_it_is(kind, rng, tmp_path):
    model = keras.Sequential([
        keras.Input((None, 3)),
        kind(4, return_sequences=True, name="first"),
        kind(3, use_bias=False, name="second"),
        keras.layers.Dense(2, name="readout"),
    ])  # fmt: skip
    for weight in model.trainable_variables:
        weight.assign(rng.normal(0, 0.8, weight.shape))
    model.save(tmp_path / "m.keras")
    x = rng.normal(size=(4, 6, 3))
    given = floatnet.predict(read_model(tmp_path / "m.keras"), x)
    assert given == pytest.approx(model.predict(x, verbose=0), abs=1e-5)

"""Models that were trained on integers, as files: what they say of themselves is an integer layer's, or refused."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras_files import rewrite

from ffhw.errors import InputError
from ffhw.reading.keras_model import read_model
from ffhw.training import quantized


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("settled") / "m.keras"
    layers = keras.layers
    made = keras.Sequential([keras.Input((None, 3)), layers.LSTM(4, name="lstm"), layers.Dense(2)])
    quantized(made, 4, np.random.default_rng(0).normal(size=(8, 5, 3)), learn_scales=True).save(path)
    return path


def changed(source, target, change):
    """The model with another description of its first layer."""

    def first(config):
        change(next(layer for layer in config["config"]["layers"] if layer["class_name"] == "Quantized"))

    return rewrite(source, target, first)


LIES = {
    "kind": (lambda layer: layer["config"]["fields"].update(kind="nothing"), "does not describe an integer layer"),
    "no kind": (lambda layer: layer["config"]["fields"].pop("kind"), "does not describe an integer layer"),
    "another kind": (lambda layer: layer["config"]["fields"].update(kind="jk"), "does not describe an integer layer"),
    "list for a kind": (lambda layer: layer["config"]["fields"].update(kind=[1]), "does not describe an integer layer"),
    "fields": (lambda layer: layer["config"].update(fields=7), "fields must be a JSON object, not 7"),
    "state": (
        lambda layer: layer["config"]["fields"].update(state={"format": "Fixed", "bits": 4, "frac": 9}),
        r"layer 'lstm': state must be Fixed\(4, frac=3\), not Fixed\(4, frac=9\)",
    ),
    "width": (lambda layer: layer["config"]["fields"].update(weight_bits=99), "weight_bits must be from 1 to 16"),
    "huge fraction": (lambda layer: layer["config"]["fields"].update(frac_x=10**9), "bits|limit|integer layer"),
    "text for a number": (lambda layer: layer["config"]["fields"].update(frac_h="3"), "does not describe"),
    "more": (lambda layer: layer["config"]["fields"].update(extra=1), "does not describe an integer layer"),
    "shape": (lambda layer: layer["config"]["shapes"].update(bias=[4, 5]), "shape"),
    "huge shape": (lambda layer: layer["config"]["shapes"].update(bias=[1 << 40]), "shapes must be shapes by name"),
    "negative shape": (lambda layer: layer["config"]["shapes"].update(bias=[-1, 2]), "shapes must be shapes by name"),
    "missing array": (lambda layer: layer["config"]["shapes"].pop("bias"), "holds 6 weights of it, its options ask"),
    "no rounding": (lambda layer: layer["config"].update(rounding=False), "rounding must be true"),
    "exponents": (lambda layer: layer["config"].update(input_exponents=[1, 2]), "must be 3 whole numbers, or none"),
    "huge exponents": (
        lambda layer: layer["config"].update(input_exponents=[99] * 3),
        "must be whole numbers up to 40",
    ),
    "exponents inside": (
        lambda layer: layer["config"].update(output_exponents=[1] * 4),
        "scales of their own at inputs and outputs only",
    ),
    "no such scale": (
        lambda layer: layer["config"]["learned"].__setitem__(0, "output"),
        "does not describe an integer layer: its free scales are weights_x, weights_h, input, not output",
    ),
    "one scale twice": (lambda layer: layer["config"]["learned"].__setitem__(0, "weights_h"), "learned must be names"),
    "one scale less": (lambda layer: layer["config"]["learned"].pop(), "holds 6 weights of it, its options ask"),
    "text for scales": (lambda layer: layer["config"].update(learned="input"), "learned must be names"),
    "registered": (lambda layer: layer.update(registered_name="other>Quantized"), "it is other>Quantized, not"),
}


@pytest.mark.parametrize("lie", LIES)
def test_lies_are_refused(lie, model, tmp_path):
    change, message = LIES[lie]
    path = changed(model, tmp_path / "m.keras", change)
    with pytest.raises(InputError, match=message):
        read_model(path)


def test_without_a_lie_it_is_read(model, tmp_path):
    network = read_model(changed(model, tmp_path / "m.keras", lambda layer: None))
    assert [layer.settled.split()[1] for layer in network.layers] == ["4-bit", "4-bit"]


def test_a_scale_that_is_no_number_is_refused(model, tmp_path):
    trained = keras.models.load_model(model)
    trained.layers[0].exponents["input"].assign(np.nan)
    trained.save(tmp_path / "m.keras")
    with pytest.raises(InputError, match=r"lstm.*(finite|not a number)"):
        read_model(tmp_path / "m.keras")

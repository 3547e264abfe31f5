from __future__ import annotations

import numpy as np
import pytest
from keras_files import rewrite

from ffhw.errors import InputError
from ffhw.model import floatnet
from ffhw.reading.keras_model import read_model


@pytest.mark.parametrize("name", ["classifier", "tracker", "stacked", "text"])
def test_float_network_equals_keras(keras_models, name, rng):
    import keras

    import ffhw.training.layers.jk  # noqa: F401  registers the layer

    model = keras.models.load_model(keras_models / f"{name}.keras")
    network = read_model(keras_models / f"{name}.keras")
    if network.signature.tokens:
        x = rng.integers(0, 11, (5, 9, 1)).astype(np.float32)
        expected = model.predict(x[..., 0], verbose=0)
    else:
        x = rng.normal(size=(5, 9, network.input_size)).astype(np.float32)
        expected = model.predict(x, verbose=0)
    assert floatnet.predict(network, x) == pytest.approx(expected, abs=3e-6)


def test_masked_steps_are_left_out(keras_models, rng):
    import keras

    import ffhw.training.layers.jk  # noqa: F401

    model = keras.models.load_model(keras_models / "classifier.keras")
    x = rng.normal(size=(3, 9, 4)).astype(np.float32)
    lengths = np.array([9, 4, 1])
    x[np.arange(9) >= lengths[:, None]] = 0
    got = floatnet.predict(read_model(keras_models / "classifier.keras"), x, lengths)
    assert got == pytest.approx(model.predict(x, verbose=0), abs=3e-6)


def test_functional_chain(tmp_path, rng):
    import keras

    from ffhw.training.layers.jk import JK

    inputs = keras.Input((None, 3))
    hidden = JK(4, return_sequences=True, name="one")(inputs)
    hidden = JK(4, return_sequences=True, name="two")(hidden)
    model = keras.Model(inputs, keras.layers.Dense(2)(hidden))
    model.save(tmp_path / "m.keras")
    x = rng.normal(size=(2, 5, 3))
    assert floatnet.predict(read_model(tmp_path / "m.keras"), x) == pytest.approx(model.predict(x, verbose=0), abs=3e-6)


def test_branches_are_refused(tmp_path):
    import keras

    from ffhw.training.layers.jk import JK

    inputs = keras.Input((None, 3))
    hidden = JK(3, return_sequences=True, name="jk")(inputs)
    joined = keras.layers.Add(name="add")([hidden, inputs])
    keras.Model(inputs, joined).save(tmp_path / "m.keras")
    with pytest.raises(InputError, match=r"only a plain chain of layers"):
        read_model(tmp_path / "m.keras")


@pytest.mark.parametrize("layer", ["MultiHeadAttention", "LayerNormalization"])
def test_layers_without_hardware_are_refused(tmp_path, layer):
    import keras

    inputs = keras.Input((None, 3))
    options = {"MultiHeadAttention": (2, 3), "LayerNormalization": ()}[layer]
    made = getattr(keras.layers, layer)(*options, name="cell")
    keras.Model(inputs, made(inputs, inputs) if layer == "MultiHeadAttention" else made(inputs)).save(
        tmp_path / "m.keras"
    )
    expected = rf"^layer 'cell' is a {layer}, which has no hardware; supported are JK, SR|only a plain chain of layers"
    with pytest.raises(InputError, match=expected):
        read_model(tmp_path / "m.keras")


def test_a_layer_that_stores_code_is_named_and_never_run(keras_models, tmp_path):
    def add_lambda(config):
        config["config"]["layers"].append(
            {
                "module": "keras.layers",
                "class_name": "Lambda",
                "config": {"name": "trap", "function": {"class_name": "__lambda__", "config": {"code": "4wEAAAA="}}},
            }
        )

    path = rewrite(keras_models / "tracker.keras", tmp_path / "m.keras", add_lambda)
    with pytest.raises(InputError, match=r"^layer 'trap' is a Lambda, which has no hardware"):
        read_model(path)


def test_a_foreign_layer_called_jk_is_not_ours(keras_models, tmp_path):
    def rename(config):
        config["config"]["layers"][1]["registered_name"] = "evil>JK"

    with pytest.raises(InputError, match=r"is a JK, which has no hardware"):
        read_model(rewrite(keras_models / "tracker.keras", tmp_path / "m.keras", rename))


@pytest.mark.parametrize(
    ("layer", "option", "value", "message"),
    [
        (1, "return_state", True, r"return_state=True has no hardware; use False"),
        (2, "activation", "gelu", r"activation must be one of linear, relu, sigmoid, softmax, not 'gelu'"),
    ],
)
def test_options_without_hardware(keras_models, tmp_path, layer, option, value, message):
    def change(config):
        config["config"]["layers"][layer]["config"][option] = value

    with pytest.raises(InputError, match=message):
        read_model(rewrite(keras_models / "tracker.keras", tmp_path / "m.keras", change))


def test_weights_that_are_not_numbers(tmp_path):
    import keras

    from ffhw.training.layers.jk import JK

    model = keras.Sequential([keras.Input((None, 2)), JK(3, name="cell")])
    weights = model.get_weights()
    weights[0][0, 0] = np.nan
    model.set_weights(weights)
    model.save(tmp_path / "m.keras")
    message = r"^layer 'cell': 1 of 12 weights are not finite numbers: train the model again$"
    with pytest.raises(InputError, match=message):
        read_model(tmp_path / "m.keras")


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89HDF\r\n\x1a\n" + bytes(100)])
def test_other_files(tmp_path, content):
    path = tmp_path / "m.keras"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"is not a \.keras file: save the model with model\.save\('model\.keras'\)$"):
        read_model(path)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(InputError, match=r"does not exist$"):
        read_model(tmp_path / "m.keras")
    with pytest.raises(InputError, match=r"is a folder, expected a \.keras file$"):
        read_model(tmp_path)


def test_reading_needs_no_framework():
    import subprocess
    import sys

    modules = "ffhw.reading.keras_model, ffhw.model.quantize"
    code = f"import sys, {modules}; sys.exit('keras' in sys.modules or 'tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0

"""What a description says is read, or refused by layer and option; nothing is read as something else."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest

from ffhw.errors import InputError
from ffhw.model import floatnet
from ffhw.reading.keras_model import read_model


@pytest.fixture(scope="module")
def layers():
    import keras

    return keras.layers


@pytest.fixture(scope="module")
def jk():
    from ffhw.training.layers.jk import JK

    return JK


def saved(tmp_path, *parts, edit=None, trained=True, seed=0):
    """A Sequential model with random weights and statistics, and its file; ``edit`` changes the description."""
    import keras

    model = keras.Sequential(list(parts))
    rng = np.random.default_rng(seed)
    if trained:
        for variable in model.variables:
            if variable.dtype == "float32":
                noise = rng.normal(0, 0.5, variable.shape)
                variable.assign(np.abs(noise) + 0.1 if "variance" in variable.path else noise)
    path = tmp_path / "m.keras"
    model.save(path)
    if edit is not None:
        change(path, edit)
    return model, path


def change(path, edit):
    """Rewrite the description inside a ``.keras`` file."""
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(content["config.json"])
    edit(config)
    content["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)


def options_of(config, number):
    return config["config"]["layers"][number]["config"]


def refused(path, message):
    with pytest.raises(InputError, match=message):
        read_model(path)


def same_as_keras(path, rng, inputs=3, tolerance=5e-6):
    import keras

    # as stored: a layer in memory may go by statistics that it was made with
    model = keras.models.load_model(path)
    x = rng.normal(size=(4, 7, inputs)).astype(np.float32)
    got = floatnet.predict(read_model(path), x)
    assert got == pytest.approx(model.predict(x, verbose=0), abs=tolerance)


# --- quantized and cast models (1.6) ---------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Layer .* does not have a .quantize")
@pytest.mark.parametrize("mode", ["int8", "float8"])
def test_quantized_models_are_refused_by_name(tmp_path, layers, jk, mode):
    import keras

    model = keras.Sequential([layers.Input((None, 3)), jk(8), layers.Dense(8, "relu", name="hidden"), layers.Dense(3)])
    model.quantize(mode)
    model.save(tmp_path / "m.keras")
    refused(tmp_path / "m.keras", rf"^layer 'hidden': dtype policy '\w+ {mode}' is not supported, only float32 and")


@pytest.mark.filterwarnings("ignore:Layer .* does not have a .quantize")
def test_a_quantized_embedding_is_refused(tmp_path, layers, jk):
    import keras

    model = keras.Sequential([layers.Input((None,)), layers.Embedding(5, 3, name="table"), jk(4), layers.Dense(3)])
    model.quantize("int8")
    model.save(tmp_path / "m.keras")
    refused(tmp_path / "m.keras", r"^layer 'table': dtype policy 'QuantizedDTypePolicy int8' is not supported, only")


@pytest.mark.parametrize("policy", ["mixed_float16", "bfloat16", 7, None, {"class_name": "Mine"}])
def test_other_policies_are_refused(tmp_path, layers, jk, policy):
    def edit(config):
        options_of(config, 2)["dtype"] = policy

    _, path = saved(tmp_path, layers.Input((None, 3)), jk(4), layers.Dense(2, name="out"), edit=edit)
    refused(path, r"^layer 'out': dtype policy .* is not supported, only float32 and float64")


# --- options (1.7) ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "value"), [("threshold", 1.0), ("max_value", 6.0), ("negative_slope", 0.1), ("novelty", 3)]
)
def test_no_option_of_relu_is_ignored(tmp_path, layers, jk, option, value):
    def edit(config):
        options_of(config, 3)[option] = value

    _, path = saved(tmp_path, layers.Input((None, 3)), jk(4), layers.Dense(2), layers.ReLU(name="cut"), edit=edit)
    refused(path, rf"^layer 'cut': (option )?{option}={value} (has no hardware; use|is not understood)")


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("go_backwards", 1, r"go_backwards must be true or false, not 1"),
        ("return_state", True, r"return_state=True has no hardware; use False"),
        ("zero_output_for_mask", True, r"zero_output_for_mask=True has no hardware; use False"),
        ("units", 0, r"units must be a whole number from 1 to 65536, not 0"),
        ("units", -4, r"units must be a whole number from 1 to 65536, not -4"),
        ("units", 10**9, r"units must be a whole number from 1 to 65536, not 1000000000"),
        ("units", True, r"units must be a whole number"),
        ("units", 5, r"have shape \(3, 8\), its options ask for \(3, 10\)"),
        ("use_bias", 1, r"use_bias must be true or false, not 1"),
        ("use_bias", False, r"the file holds 3 weights of it, its options ask for 2"),
        ("return_sequences", None, r"return_sequences must be true or false, not None"),
        ("gate_activation", "tanh", r"option gate_activation='tanh' is not understood"),
    ],
)
def test_options_of_jk(tmp_path, layers, jk, option, value, message):
    def edit(config):
        options_of(config, 1)[option] = value

    _, path = saved(tmp_path, layers.Input((None, 3)), jk(4, name="cell"), layers.Dense(2), edit=edit)
    refused(path, rf"^layer 'cell': .*{message}")


def test_an_unknown_option_that_is_off_changes_nothing(tmp_path, layers, jk, rng):
    def edit(config):
        options_of(config, 1).update(novelty=None, another=False)

    model, path = saved(tmp_path, layers.Input((None, 3)), jk(4), layers.Dense(2), edit=edit)
    x = rng.normal(size=(4, 7, 3)).astype(np.float32)
    assert floatnet.predict(read_model(path), x) == pytest.approx(model.predict(x, verbose=0), abs=5e-6)


# --- classes (1.8) ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "registered"), [("mine", "mine>Dense"), ("__main__", "Dense"), ("keras.layers", "mine>Dense")]
)
def test_a_foreign_dense_is_not_keras_dense(tmp_path, layers, jk, module, registered):
    def edit(config):
        config["config"]["layers"][2].update(module=module, registered_name=registered)

    _, path = saved(tmp_path, layers.Input((None, 3)), jk(4), layers.Dense(2, name="out"), edit=edit)
    refused(path, r"^layer 'out' is a Dense, which has no hardware: it is .*Dense, not the one of Keras$")


def test_a_registered_dense_with_a_call_of_its_own(tmp_path, layers, jk):
    import keras

    @keras.saving.register_keras_serializable(package="mine")
    class Dense(layers.Dense):
        def call(self, inputs):
            return -super().call(inputs)

    _, path = saved(tmp_path, layers.Input((None, 3)), jk(4), Dense(2, name="out"))
    refused(path, r"^layer 'out' is a Dense, which has no hardware: it is mine>Dense, not the one of Keras$")


# --- masks (1.9, 1.10) -----------------------------------------------------------------------------------------------


def test_masking_in_mid_chain_is_refused(tmp_path, layers, jk):
    parts = [layers.Input((None, 3)), layers.Dense(3), layers.Masking(name="late"), jk(4)]
    refused(saved(tmp_path, *parts)[1], r"^layer 'late': Masking is supported once, directly at the input$")
    parts = [layers.Input((None, 3)), jk(4, return_sequences=True), layers.Masking(name="late"), jk(4)]
    refused(saved(tmp_path, *parts)[1], r"^layer 'late': Masking is supported once, directly at the input$")


def test_the_mask_value_is_kept(tmp_path, layers, jk):
    _, path = saved(tmp_path, layers.Input((None, 3)), layers.Masking(-7.5), jk(4))
    assert read_model(path).mask_value == -7.5
    _, path = saved(tmp_path, layers.Input((None,)), layers.Embedding(5, 3, mask_zero=True), jk(4))
    assert read_model(path).mask_value == 0.0
    _, path = saved(tmp_path, layers.Input((None,)), layers.Embedding(5, 3), jk(4))
    assert read_model(path).mask_value is None


@pytest.mark.parametrize("value", [None, "0", [0.0], True, float("nan")])
def test_a_mask_value_must_be_a_number(tmp_path, layers, jk, value):
    def edit(config):
        options_of(config, 1)["mask_value"] = value

    _, path = saved(tmp_path, layers.Input((None, 3)), layers.Masking(name="mask"), jk(4), edit=edit)
    refused(path, r"^layer 'mask': mask_value must be a finite number, not ")


def test_a_functional_model_with_masking(tmp_path, layers, jk, rng):
    import keras

    inputs = keras.Input((None, 3))
    hidden = jk(4, return_sequences=True)(layers.Masking()(inputs))
    model = keras.Model(inputs, layers.Dense(2)(jk(3)(hidden)))
    model.save(tmp_path / "m.keras")
    network = read_model(tmp_path / "m.keras")
    assert network.mask_value == 0.0
    x = rng.normal(size=(4, 7, 3)).astype(np.float32)
    lengths = np.array([7, 2, 5, 1])
    x[np.arange(7) >= lengths[:, None]] = 0
    assert floatnet.predict(network, x, lengths) == pytest.approx(model.predict(x, verbose=0), abs=5e-6)


# --- shapes (1.12) ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "shape", "message"),
    [
        ("layers/jk/cell/vars/0", (8, 3), r"^layer 'cell': .* have shape \(8, 3\), its options ask for \(3, 8\)"),
        ("layers/jk/cell/vars/0", (24,), r"have shape \(24,\), its options ask for \(3, 8\)"),
        ("layers/jk/cell/vars/2", (3, 8), r"have shape \(3, 8\), its options ask for \(2, 8\)"),
        ("layers/dense/vars/0", (2, 4), r"have shape \(2, 4\), its options ask for \(4, 2\)"),
        ("layers/dense/vars/1", (1, 2), r"have shape \(1, 2\), its options ask for \(2,\)"),
    ],
)
def test_weights_of_another_shape(tmp_path, layers, jk, key, shape, message):
    import io

    import h5py

    _, path = saved(tmp_path, layers.Input((None, 3)), jk(4, name="cell"), layers.Dense(2))
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    raw = io.BytesIO(content["model.weights.h5"])
    with h5py.File(raw, "r+") as file:
        del file[key]
        file[key] = np.zeros(shape, np.float32)
    content["model.weights.h5"] = raw.getvalue()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    refused(path, message)


def test_units_that_contradict_the_kernel(tmp_path, layers, jk):
    def edit(config):
        options_of(config, 2)["units"] = 3

    _, path = saved(tmp_path, layers.Input((None, 3)), jk(4), layers.Dense(2, name="out"), edit=edit)
    refused(path, r"^layer 'out': .* have shape \(4, 2\), its options ask for \(4, 3\)$")


@pytest.mark.parametrize("shape", [[None, 3], [None, None, None], [None, None, 4, 3], None, "no", [None, 0, 3]])
def test_inputs_that_are_not_sequences(tmp_path, layers, jk, shape):
    def edit(config):
        options_of(config, 0)["batch_shape"] = shape

    _, path = saved(tmp_path, layers.Input((None, 3)), jk(4), edit=edit)
    refused(path, r"^the model takes inputs of shape .*: hardware takes sequences \[batch, time, inputs\]")


def test_inputs_of_another_width_than_the_weights(tmp_path, layers, jk):
    def edit(config):
        options_of(config, 0)["batch_shape"] = [None, None, 4]

    _, path = saved(tmp_path, layers.Input((None, 3)), jk(4, name="cell"), edit=edit)
    refused(path, r"^layer 'cell': .* have shape \(3, 8\), its options ask for \(4, 8\)$")


# --- calls and structure ---------------------------------------------------------------------------------------------


def test_a_state_given_by_call_is_refused(tmp_path, layers, jk):
    import keras

    inputs = keras.Input((None, 4))
    start = keras.Input((4,))
    keras.Model([inputs, start], jk(4, name="cell")(inputs, initial_state=[start])).save(tmp_path / "m.keras")
    refused(tmp_path / "m.keras", r"^layer '.*' (takes nothing|takes \[.*\]|is called with .*)")


def test_two_outputs_are_refused(tmp_path, layers, jk):
    import keras

    inputs = keras.Input((None, 3))
    hidden = jk(4, return_sequences=True, name="cell")(inputs)
    keras.Model(inputs, [hidden, layers.Dense(2)(hidden)]).save(tmp_path / "m.keras")
    refused(tmp_path / "m.keras", r"^the model has output_layers \['cell', 'dense.*'\]: hardware has one input and one")


def test_a_layer_called_twice_is_refused(tmp_path, layers, jk):
    import keras

    inputs = keras.Input((None, 3))
    dense = layers.Dense(3, name="twice")
    keras.Model(inputs, jk(4)(dense(dense(inputs)))).save(tmp_path / "m.keras")
    refused(tmp_path / "m.keras", r"^layer 'twice' is called 2 times")


def test_nested_models_are_flattened(tmp_path, layers, jk, rng):
    import keras

    inner = keras.Sequential([layers.Input((None, 4)), layers.Dense(5, "relu"), layers.Dense(3)])
    _, path = saved(tmp_path, layers.Input((None, 3)), jk(4, return_sequences=True), inner, layers.Dense(2))
    assert [type(layer).__name__ for layer in read_model(path).layers] == ["FloatJK"] + ["FloatDense"] * 3
    same_as_keras(path, rng)


@pytest.mark.parametrize("name", [[], {}, "", "a\nb", "x" * 300, None, 3])
def test_names_that_are_no_names(tmp_path, layers, jk, name):
    def edit(config):
        options_of(config, 1)["name"] = name

    refused(
        saved(tmp_path, layers.Input((None, 3)), jk(4), edit=edit)[1], r"^a layer's name must be a short text, not "
    )


# --- scales fold into neighbours --------------------------------------------------------------------------------------


def test_scales_fold_exactly(tmp_path, layers, jk, rng):
    chains = [
        [layers.BatchNormalization(), jk(4), layers.Dense(2)],
        [jk(4, return_sequences=True), layers.BatchNormalization(epsilon=0.1), jk(3), layers.Dense(2)],
        [jk(4), layers.BatchNormalization(scale=False), layers.Dense(2), layers.BatchNormalization(center=False)],
        [layers.Dense(4), layers.BatchNormalization(), layers.ReLU(), jk(3)],
        [layers.Rescaling(0.5, offset=-1.0), layers.Rescaling([2.0, 1.0, 0.25]), jk(4)],
        [layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[4.0, 1.0, 0.25]), jk(4)],
        [layers.Normalization(), layers.Dense(3), layers.Normalization(mean=1.0, variance=4.0, invert=True), jk(4)],
        [layers.Identity(), jk(4), layers.ActivityRegularization(0.1), layers.Dropout(0.5), layers.Dense(2)],
    ]
    for chain in chains:
        _, path = saved(tmp_path, layers.Input((None, 3)), *chain)
        same_as_keras(path, rng, tolerance=2e-5)


def test_an_embedding_takes_a_scale(tmp_path, layers, jk, rng):
    model, path = saved(
        tmp_path, layers.Input((None,)), layers.Embedding(5, 3), layers.BatchNormalization(), jk(4), layers.Dense(2)
    )
    tokens = rng.integers(0, 5, (4, 6))
    got = floatnet.predict(read_model(path), tokens[..., None])
    assert got == pytest.approx(model.predict(tokens, verbose=0), abs=2e-5)


def test_a_scale_without_a_neighbour_is_refused(tmp_path, layers, jk):
    parts = [layers.Input((None, 3)), jk(4), layers.Rescaling(2.0, name="scale")]
    refused(
        saved(tmp_path, *parts)[1],
        r"^layer 'scale': a scale at the output, as of centered states, needs a layer behind it, such as Dense$",
    )
    parts = [layers.Input((None, 3)), jk(4), layers.BatchNormalization(), layers.Activation("relu", name="act")]
    refused(saved(tmp_path, *parts)[1], r"^layer 'act': relu is supported after a linear Dense layer only$")


@pytest.mark.parametrize("axis", [1, 0, [1], [1, 2]])
def test_a_scale_along_time_is_refused(tmp_path, layers, jk, axis):
    def edit(config):
        options_of(config, 1)["axis"] = axis

    parts = [layers.Input((None, 3)), layers.BatchNormalization(name="scale"), jk(4)]
    refused(saved(tmp_path, *parts, edit=edit)[1], r"^layer 'scale': axis=.* has no hardware; use -1$")


def test_the_head_is_known(tmp_path, layers, jk):
    for activation, head in (("softmax", "softmax"), ("sigmoid", "sigmoid"), ("linear", "values"), ("relu", "values")):
        _, path = saved(tmp_path, layers.Input((None, 3)), jk(4), layers.Dense(2, activation))
        assert read_model(path).head == head


def test_softmax_in_mid_chain_is_refused(tmp_path, layers, jk):
    parts = [layers.Input((None, 3)), layers.Dense(3, "softmax", name="early"), jk(4)]
    refused(saved(tmp_path, *parts)[1], r"^layer 'early': softmax is supported at the output only$")


# --- found by trying -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [[[1.0], [2.0], [3.0]], [[[1.0], [2.0], [3.0]]]])
def test_a_scale_for_each_step_is_refused(tmp_path, layers, jk, scale):
    parts = [layers.Input((3, 3)), layers.Rescaling(scale, name="steps"), jk(4)]
    refused(saved(tmp_path, *parts)[1], r"^layer 'steps': scale=.* must be one number, or one for each of 3 elements$")


def test_one_mean_of_everything_folds(tmp_path, layers, jk, rng):
    parts = [layers.Normalization(axis=None, mean=1.5, variance=4.0), jk(4), layers.Dense(2)]
    saved(tmp_path, layers.Input((None, 3)), *parts)
    same_as_keras(tmp_path / "m.keras", rng)


@pytest.mark.parametrize("case", ["another layer", "another axis", "embedded"])
def test_a_mask_of_ones_own_is_refused(tmp_path, layers, jk, case):
    import keras
    from keras import ops

    if case == "another layer":
        inputs = keras.Input((None, 3))
        hidden = layers.Dense(5, "relu")(layers.Masking()(inputs))
        mask = ops.any(ops.not_equal(hidden, 0.0), axis=-1)
    elif case == "another axis":
        inputs = keras.Input((3, 3))
        mask = ops.any(ops.not_equal(inputs, 0.0), axis=1)
        hidden = layers.Masking()(inputs)
    else:
        inputs = keras.Input((None,))
        hidden = layers.Embedding(9, 3, mask_zero=True)(inputs)
        mask = ops.any(ops.not_equal(hidden, 0.0), axis=-1)
    keras.Model(inputs, jk(4)(hidden, mask=mask)).save(tmp_path / "m.keras")
    refused(tmp_path / "m.keras", r"^layer '(not_equal|any).*' is a (NotEqual|Any), which has no hardware$")


@pytest.mark.parametrize("dtype", ["int32", "bool", "uint8", "float16"])
def test_inputs_that_keras_would_cast_are_refused(tmp_path, layers, jk, dtype):
    _, path = saved(tmp_path, layers.Input((None, 3), dtype=dtype), jk(4))
    refused(path, rf"^the model takes inputs of dtype '{dtype}': hardware takes float32 or float64$")


def test_an_embedding_in_mid_chain_is_refused(tmp_path, layers, jk):
    import keras

    parts = [layers.Input((None,)), layers.Embedding(9, 1), layers.Embedding(9, 3, name="second"), layers.Dense(2)]
    keras.Sequential(parts).save(tmp_path / "m.keras")
    refused(tmp_path / "m.keras", r"^layer 'second': Embedding is supported at the input only$")


@pytest.mark.parametrize("hole", ["argument's config", "layer's config", "kwargs"])
def test_a_functional_model_with_holes_is_refused(tmp_path, layers, jk, hole):
    import keras

    inputs = keras.Input((None, 3))
    keras.Model(inputs, jk(4)(layers.Masking()(inputs))).save(tmp_path / "m.keras")

    def edit(config):
        masked = next(layer for layer in config["config"]["layers"] if layer["class_name"] == "NotEqual")
        if hole == "layer's config":
            masked["config"] = None
        elif hole == "kwargs":
            masked["inbound_nodes"][0]["kwargs"] = [1]
            masked["inbound_nodes"][0]["args"] = []
        else:
            masked["inbound_nodes"][0]["args"][0]["config"] = None

    change(tmp_path / "m.keras", edit)
    refused(tmp_path / "m.keras", r"^(layer 'not_equal.*' is a NotEqual|a layer of the model is not described)")

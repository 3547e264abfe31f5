"""Models over maps: read from their files, they answer as Keras does."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
from keras import layers
from keras_files import rewrite

from ffhw.errors import InputError
from ffhw.layers.rhythm import Rhythm
from ffhw.model import floatnet, golden
from ffhw.model.data import Signature, fit_data
from ffhw.model.quantize import quantize
from ffhw.numbers.scales import Widths
from ffhw.reading.keras_model import read_model
from ffhw.training.layers.conv_gru import ConvGRU2D
from ffhw.training.layers.conv_jk import ConvJK2D
from ffhw.training.layers.jk import JK
from ffhw.training.networks import paper

CELLS = {"jk": ConvJK2D, "lstm": layers.ConvLSTM2D, "gru": ConvGRU2D}
SHAPE = (6, 5, 2)


def saved(model, tmp_path, seed=0):
    """The model's file, every weight at random, scales and shifts of normalizations included."""
    rng = np.random.default_rng(seed)
    for variable in model.weights:
        if "seed" not in variable.path:
            low = 0.5 if variable.path.split("/")[-1] in ("gamma", "moving_variance") else -0.7
            variable.assign(rng.uniform(low, 1.0, variable.shape))
    model.save(tmp_path / "model.keras")
    return tmp_path / "model.keras"


def model_of(*parts, shape=SHAPE):
    return keras.Sequential([keras.Input((None, *shape)), *parts])


@pytest.fixture(autouse=True)
def double_precision():
    """Keras computes as the float network does, so that nothing hides behind single precision."""
    for kind in ("float64", "float32"):
        keras.config.set_floatx(kind)
        keras.config.set_dtype_policy(kind)
        if kind == "float64":
            yield


def check(model, tmp_path, steps=5, within=1e-9):
    """Float network and Keras agree, and so does the integer one at 15 bits."""
    network = read_model(saved(model, tmp_path))
    x = np.random.default_rng(1).uniform(-1, 1, (3, steps, *model.input_shape[2:]))
    expected = np.asarray(model.predict(x, verbose=0))
    data = fit_data(x, None, None, network.signature, "x")
    found = floatnet.predict(network, data.x)
    assert np.abs(found.reshape(expected.shape) - expected).max() < within
    integers = quantize(network, data.x, widths=Widths(15))
    values = integers.decode(golden.run(integers, integers.encode(data.x)).outputs)
    assert np.abs(values.reshape(expected.shape) - expected).max() < 0.01
    return network


@pytest.mark.parametrize(
    "options",
    [
        {"padding": "same"},
        {"padding": "valid"},
        {"padding": "same", "strides": 2},
        {"padding": "valid", "dilation_rate": (2, 1)},
        {"padding": "same", "use_bias": False},
        {"padding": "same", "go_backwards": True},
    ],
)
@pytest.mark.parametrize("cell", CELLS)
def test_each_cell_with_each_placing(cell, options, tmp_path):
    check(model_of(CELLS[cell](3, (3, 2), return_sequences=True, **options)), tmp_path)


@pytest.mark.parametrize("merge", ["concat", "sum", "ave", "mul"])
@pytest.mark.parametrize("cell", CELLS)
def test_both_directions(cell, merge, tmp_path):
    inner = CELLS[cell](2, 3, padding="same", return_sequences=True)
    network = check(model_of(layers.Bidirectional(inner, merge_mode=merge)), tmp_path)
    assert network.layers[0].maps == (6, 5)


@pytest.mark.parametrize(
    "parts",
    [
        lambda: [layers.BatchNormalization(), ConvJK2D(2, 3, padding="same", return_sequences=True)],
        lambda: [layers.Rescaling(0.5, -1.0), layers.Conv3D(3, 3, padding="same", activation="relu")],
        lambda: [layers.Conv3D(3, (2, 3, 3), padding="same"), layers.BatchNormalization(), layers.ReLU()],
        lambda: [layers.BatchNormalization(), layers.Conv3D(2, (1, 2, 4), strides=(1, 2, 1), activation="sigmoid")],
        lambda: [ConvJK2D(2, 3, padding="same", return_sequences=True), layers.BatchNormalization(),
                 layers.ZeroPadding3D(((2, 0), (1, 1), (0, 2))), layers.Conv3D(1, 3, activation="sigmoid")],
        lambda: [ConvJK2D(2, 3), layers.MaxPooling2D(2), layers.Flatten(), layers.Dense(4)],
        lambda: [ConvJK2D(2, 3), layers.BatchNormalization(), layers.Flatten(), layers.Dense(4)],
        lambda: [layers.TimeDistributed(layers.MaxPooling2D((2, 1))), ConvJK2D(2, 3), layers.Flatten()],
        lambda: [ConvJK2D(2, 3, return_sequences=True), layers.Dropout(0.3), ConvJK2D(1, 2)],
        lambda: [layers.Conv3D(2, 3, padding="same"), layers.TimeDistributed(layers.Flatten()), JK(4), layers.Dense(2)],
        lambda: [layers.Bidirectional(ConvJK2D(2, 3), merge_mode="sum"), layers.MaxPooling2D(2), layers.Flatten(),
                 layers.Dense(2)],
    ],
)  # fmt: skip
def test_chains(parts, tmp_path):
    """Normalizations in front of windows with zeros around them: what is outside is zero behind the scale."""
    check(model_of(*parts()), tmp_path)


@pytest.mark.parametrize("cell", ["jk", "lstm", "gru"])
def test_the_papers_networks(cell, tmp_path):
    sizes = {"filters": 3}
    check(paper.frames(cell, 9.0, layers=2, size=8, **sizes), tmp_path)
    check(paper.lung(cell, 8.0, size=8, **sizes), tmp_path)
    check(paper.action(cell, 8.0, dense=8, size=10, pool=2, **sizes), tmp_path)


def test_a_sequence_may_be_shorter_than_a_window(tmp_path):
    check(model_of(layers.Conv3D(2, 3, padding="same")), tmp_path, steps=1)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            [layers.Dense(3)],
            r"layer 'x': Dense takes vectors, not 2 maps of 6 x 5; put TimeDistributed\(Flatten\(\)\) in front of it$",
        ),
        (
            [ConvJK2D(2, 3), layers.Dense(3)],
            "Dense takes vectors, not 2 maps of 4 x 3; put a Flatten layer in front of",
        ),
        (
            [layers.Flatten()],
            r"layer 'x': Flatten would join the steps of a sequence; use TimeDistributed\(Flatten\(\)\)",
        ),
        ([layers.Softmax()], "layer 'x': Softmax takes vectors, not 2 maps of 6 x 5$"),
        ([layers.Conv3D(2, 3)], "layer 'x': padding='valid' leaves steps without an answer; pad 2 steps of time"),
        ([layers.Conv3D(2, 3, padding="same", strides=2)], "has no rule along time; use 1 there"),
        ([layers.Conv3D(2, 3, padding="same", groups=2)], "groups=2 has no hardware; use 1"),
        ([ConvJK2D(2, 1, data_format="channels_first")], "data_format='channels_first' has no hardware"),
        ([layers.ZeroPadding3D(1), ConvJK2D(2, 3)], "zeros around maps are supported in front of Conv3D only"),
        ([layers.ZeroPadding3D(1)], "zeros around maps need a layer behind them"),
        ([layers.ZeroPadding3D((0, 1, 1)), layers.Conv3D(2, 3, padding="same")], "has no rule behind the zeros of 'x'"),
    ],
)
def test_what_has_no_rule_is_refused_by_name(parts, message, tmp_path):
    parts[0].name = "x"
    file = saved(model_of(*parts), tmp_path)
    with pytest.raises(InputError, match=message):
        read_model(file)


def test_a_scale_of_its_own_for_each_pixel_is_refused(tmp_path):
    network = read_model(saved(model_of(ConvJK2D(2, 3)), tmp_path))
    scale = np.ones(60)
    scale[7] = 2.0
    with pytest.raises(InputError, match="a scale of its own for each pixel has no hardware"):
        network.layers[0].input_scaled("norm", scale, np.zeros(60))


def test_maps_and_vectors_of_them_are_the_same_data(tmp_path):
    signature = read_model(saved(model_of(ConvJK2D(3, 3, return_sequences=True)), tmp_path)).signature
    x, y = np.random.default_rng(0).random((2, 4, *SHAPE)), np.zeros((2, 4, 4, 3, 3))
    data = fit_data(x, None, y, signature, "d")
    assert data.x.shape == (2, 4, 60)
    assert data.y.shape == (2, 4, 36)
    assert np.array_equal(fit_data(x.reshape(2, 4, 60), None, None, signature, "d").x, data.x)
    assert fit_data(x[0], None, None, signature, "d").x.shape == (1, 4, 60)
    with pytest.raises(InputError, match=r"d: x must have shape \[batch, time, 6, 5, 2\]"):
        fit_data(x[..., :1], None, None, signature, "d")


@pytest.mark.parametrize(
    ("option", "layer", "kept"),
    [("pool_size", "MaxPooling2D", True), ("padding", "ZeroPadding3D", True), ("kernel_size", "ConvJK2D", False)],
)
def test_what_a_description_leaves_out_is_what_keras_takes_or_refused(option, layer, kept, tmp_path):
    parts = {
        "MaxPooling2D": [ConvJK2D(2, 3), layers.MaxPooling2D(2)],
        "ZeroPadding3D": [layers.ZeroPadding3D(1), layers.Conv3D(1, 3)],
        "ConvJK2D": [ConvJK2D(2, 1)],
    }
    whole = saved(model_of(*parts[layer]), tmp_path)

    def leave_out(config):
        for each in config["config"]["layers"]:
            if each["class_name"] == layer:
                del each["config"][option]

    less = rewrite(whole, tmp_path / "less.keras", leave_out)
    if not kept:
        with pytest.raises(InputError, match="size must be two whole numbers from 1"):
            read_model(less)
        return
    assert [part.output_size for part in read_model(less).layers] == [p.output_size for p in read_model(whole).layers]


@pytest.mark.parametrize(
    ("shape", "parts", "message"),
    [
        ((60_000, 60_000, 1), [layers.Rescaling(0.5)], "the model takes 3,600,000,000 numbers a step"),
        ((2048, 2048, 1), [layers.Conv3D(64, 1)], "64 numbers at each of 4194304 places are too many"),
        ((5, None, 1), [layers.Rescaling(0.5)], r"hardware takes sequences \[batch, time, inputs\] or of maps"),
    ],
)
def test_maps_that_fill_all_memory_are_refused(shape, parts, message, tmp_path):
    model = model_of(*parts, shape=shape)
    model.save(tmp_path / "model.keras")
    with pytest.raises(InputError, match=message):
        read_model(tmp_path / "model.keras")


def test_directions_that_give_different_maps_are_refused(tmp_path):
    back = ConvJK2D(2, (1, 6), return_sequences=True, go_backwards=True)
    both = layers.Bidirectional(ConvJK2D(2, (6, 1), return_sequences=True), backward_layer=back, merge_mode="sum")
    file = saved(model_of(both, shape=(6, 6, 1)), tmp_path)
    with pytest.raises(InputError, match="differs in kind, sizes or return_sequences"):
        read_model(file)


def test_channels_of_different_size_have_scales_of_their_own_though_pixels_differ(tmp_path):
    """A pixel that is always dark has no say in its channel's scale."""
    model = model_of(layers.Conv3D(1, 1, activation="sigmoid"), shape=(4, 4, 2))
    network = read_model(saved(model, tmp_path))
    network = dataclasses.replace(
        network, layers=(dataclasses.replace(network.layers[0], weights=np.array([[1, 1e-3]])),)
    )
    x = np.random.default_rng(0).normal(0, [1, 1000], (20, 6, 4, 4, 2))
    x[:, :, 0, 0] = 0
    data = fit_data(x, None, None, network.signature, "x")
    integers = quantize(network, data.x, widths=Widths(8))
    small, large = integers.input_exponents[:2]
    assert integers.input_exponents == 16 * (small, large)
    assert small > large
    values = integers.decode(golden.run(integers, integers.encode(data.x)).outputs)
    assert np.abs(values - floatnet.predict(network, data.x)).max() < 0.02


def test_vectors_of_maps_of_one_pixel_are_vectors():
    signature = Signature(2, 2, "values", Rhythm(), given_maps=(1, 1), maps=(1, 1))
    data = fit_data(np.zeros((1, 1, 2)), None, np.zeros((1, 1, 2)), signature, "x")
    assert data.x.shape == data.y.shape == (1, 1, 2)

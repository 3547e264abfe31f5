"""Models over maps: read from their files, they answer as Keras does."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from ffhw.errors import InputError
from ffhw.model import floatnet, golden
from ffhw.model.data import fit_data
from ffhw.model.quantize import quantize
from ffhw.numbers.scales import Widths
from ffhw.reading.keras_model import read_model
from ffhw.training.layers.conv_gru import ConvGRU2D
from ffhw.training.layers.conv_jk import ConvJK2D
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
        ([layers.Dense(3)], "layer 'x': Dense takes vectors, not 2 maps of 6 x 5; put a Flatten layer in front of it"),
        ([layers.Softmax()], "layer 'x': Softmax takes vectors"),
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

"""Convolutions over time: against loops over Python integers, and against Keras with all that folds into them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from networks import random_chain, random_codes

from ffhw.errors import InputError
from ffhw.layers.base import NetworkError
from ffhw.layers.convolution import ConvolutionLayer
from ffhw.model import floatnet, golden
from ffhw.model.network import Network
from ffhw.model.quantize import quantize
from ffhw.numbers.formats import Fixed
from ffhw.numbers.scales import Widths
from ffhw.reading.keras_model import read_model


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 12])
@pytest.mark.parametrize(("kind", "taps", "stride"), [("k", 3, 1), ("v", 4, 2), ("k", 2, 3), ("v", 1, 1)])
def test_golden_model_equals_plain_integers(kind, taps, stride, bits, rng):
    network = random_chain(bits, kind, bits=bits, taps=taps, stride=stride)
    (layer,) = network.layers
    lengths = [network.rhythm.least + n for n in (0, 1, 9)]
    codes, padded = golden.pad(random_codes(network, rng, lengths))
    outputs = golden.run(network, codes, padded).outputs
    for sequence, length, output in zip(codes, lengths, outputs, strict=True):
        ends = range(0 if kind == "k" else taps - 1, length, stride)
        expected = []
        for end in ends:
            steps = range(end - taps + 1, end + 1)
            window = [int(v) for t in steps for v in (sequence[t] if t >= 0 else layer.before)]
            sums = [
                int(b) + sum(int(w) * v << layer.shift_x for w, v in zip(row, window, strict=True))
                for row, b in zip(layer.weights, layer.bias, strict=True)
            ]
            half, top = (1 << layer.result_shift) >> 1, layer.output.max
            expected.append([max(-top - 1, min(top, (acc + half) >> layer.result_shift)) for acc in sums])
        assert output[: len(expected)].tolist() == expected
        assert not output[len(expected) :].any()


def test_hand_worked():
    """Two taps, one channel, stride 2: y_j = 3 x_2j + 2 x_(2j-1) + 1, with 1 before the sequence."""
    layer = ConvolutionLayer(
        name="conv", input=Fixed(4, 0), output=Fixed(8, 0), activation="linear", weight_bits=4, frac=0,
        weights=np.array([[2, 3]]), bias=np.array([1]), taps=2, stride=2, causal=True, before=np.array([1]),
    )  # fmt: skip
    codes = np.array([1, 2, 3, -4, 5, 6])[None, :, None]
    assert golden.run(Network("n", (layer,)), codes).outputs[0, :, 0].tolist() == [6, 14, 8]
    with pytest.raises(NetworkError, match=r"^layer 'conv': 2 weights a unit are not those of 3 steps$"):
        dataclasses.replace(layer, taps=3)


def test_sequences_that_fill_no_window_are_refused(rng):
    network = random_chain(1, "vjd", taps=3, stride=1)
    with pytest.raises(InputError, match=r"^sequences must have at least 3 steps to be answered, not 2$"):
        golden.run(network, random_codes(network, rng, [2])[0][None])


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A function that saves Keras layers as a model with random weights; gives the model and its file."""
    import keras

    folder = tmp_path_factory.mktemp("convolutions")

    def save(*parts):
        model = keras.Sequential(list(parts))
        rng = np.random.default_rng(4)
        for variable in model.variables:
            if variable.dtype == "float32":
                noise = rng.normal(0, 0.5, variable.shape)
                variable.assign(np.abs(noise) + 0.1 if "variance" in variable.path else noise)
        path = folder / f"{len(list(folder.iterdir()))}.keras"
        model.save(path)
        # as stored: a layer in memory may go by statistics that it was made with
        return keras.models.load_model(path), path

    return save


def parts_of(name):
    from keras import layers

    from ffhw.training.layers.jk import JK

    return {
        "causal": [layers.Conv1D(4, 3, padding="causal", activation="relu"), JK(5), layers.Dense(2)],
        "valid": [layers.Conv1D(4, 3, strides=2, use_bias=False), JK(5, return_sequences=True), layers.Dense(2)],
        "shifted": [
            layers.Normalization(mean=[0.5, -1.0, 2.0], variance=[4.0, 1.0, 0.25]),
            layers.Conv1D(4, 3, padding="causal", activation="sigmoid"),
            layers.BatchNormalization(),
            layers.Conv1D(3, 2, strides=3, padding="causal"),
            layers.BatchNormalization(),
            layers.ReLU(),
            JK(4),
        ],
        "deep": [layers.Conv1D(4, 2), layers.Conv1D(3, 3, strides=2), layers.Dropout(0.5), layers.Conv1D(2, 1)],
        "averaged": [JK(5, return_sequences=True), layers.GlobalAveragePooling1D(), layers.Dense(3, "softmax")],
        "largest": [layers.Conv1D(5, 3, strides=2), layers.GlobalMaxPooling1D(), layers.Dense(3)],
    }[name]


@pytest.mark.parametrize("name", ["causal", "valid", "shifted", "deep", "averaged", "largest"])
def test_floats_are_those_of_keras_and_codes_come_near(saved, name, rng):
    from keras import layers

    model, path = saved(layers.Input((None, 3)), *parts_of(name))
    x = rng.normal(size=(6, 11, 3)).astype(np.float32)
    network = read_model(path)
    expected = model.predict(x, verbose=0)
    assert floatnet.predict(network, x) == pytest.approx(expected, abs=1e-5)
    quantized = quantize(network, x, widths=Widths(12))
    codes = golden.run(quantized, quantized.encode(x)).outputs
    assert quantized.decode(codes) == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"padding": "same"}, r"padding='same' has no hardware; use 'valid' or 'causal'"),
        ({"dilation_rate": 2}, r"dilation_rate=\[2\] has no hardware; use 1"),
        ({"groups": 3}, r"groups=3 has no hardware; use 1"),
        ({"activation": "tanh"}, r"activation must be one of linear, relu, sigmoid, softmax, not 'tanh'"),
    ],
)
def test_other_options_are_refused_by_name(saved, options, message):
    from keras import layers

    given = {"filters": 3, "kernel_size": 2, "name": "conv", **options}
    _, path = saved(layers.Input((None, 3)), layers.Conv1D(**given), layers.Dense(2))
    with pytest.raises(InputError, match=rf"^layer 'conv': {message}$"):
        read_model(path)


@pytest.mark.parametrize("kind", ["GlobalAveragePooling1D", "GlobalMaxPooling1D"])
def test_pooling_that_keeps_its_axis_is_refused(saved, kind):
    from keras import layers

    _, path = saved(layers.Input((None, 3)), getattr(layers, kind)(keepdims=True, name="pool"))
    with pytest.raises(InputError, match=r"^layer 'pool': keepdims=True has no hardware; use False$"):
        read_model(path)


# --- masks -----------------------------------------------------------------------------------------------------------


def masked(name):
    from keras import layers

    from ffhw.training.layers.jk import JK

    return {
        "average": [layers.Masking(), layers.Dense(4), layers.GlobalAveragePooling1D()],
        "average of states": [layers.Masking(), JK(4, return_sequences=True), layers.GlobalAveragePooling1D()],
        "max of states": [layers.Masking(), JK(4, return_sequences=True), layers.Dense(3), layers.GlobalMaxPooling1D()],
        "every step": [layers.Masking(), layers.Conv1D(3, 2, padding="causal"), JK(4, return_sequences=True)],
        "max": [layers.Masking(), layers.Dense(4), layers.GlobalMaxPooling1D(name="late")],
        "once": [layers.Masking(), layers.Conv1D(3, 2, padding="causal", name="late"), JK(4)],
        "behind states": [
            layers.Masking(),
            JK(4, return_sequences=True),
            layers.Conv1D(3, 2, name="late"),
            layers.GlobalMaxPooling1D(),
        ],
    }[name]


@pytest.mark.filterwarnings("ignore:Layer .* does not support masking", "ignore:.*destroy the mask")
@pytest.mark.parametrize("name", ["average", "average of states", "max of states", "every step"])
def test_masks_mean_what_keras_makes_of_them(saved, name, rng):
    from keras import layers

    model, path = saved(layers.Input((None, 3)), *masked(name))
    x, lengths = rng.normal(size=(5, 8, 3)).astype(np.float32), np.array([8, 1, 3, 6, 5])
    x[np.arange(8) >= lengths[:, None]] = 0
    got, expected = floatnet.predict(read_model(path), x, lengths), model.predict(x, verbose=0)
    if expected.ndim == 3:
        real = np.arange(8) < lengths[:, None]
        got, expected = got[real], expected[real]
    assert got == pytest.approx(expected, abs=1e-5)


@pytest.mark.filterwarnings("ignore:Layer .* does not support masking", "ignore:.*destroy the mask")
@pytest.mark.parametrize("name", ["max", "once", "behind states"])
def test_masks_that_keras_drops_are_refused(saved, name, rng):
    from keras import layers

    _, path = saved(layers.Input((None, 3)), *masked(name))
    with pytest.raises(InputError, match=r"^layer 'late': Keras takes the mask of layer '\w+' no further, so that"):
        read_model(path)


@pytest.mark.parametrize("mask_zero", [False, True])
def test_functional_models_of_tokens(tmp_path, mask_zero, rng):
    import keras
    from keras import layers

    inputs = layers.Input((None,))
    embedded = layers.Embedding(9, 4, mask_zero=mask_zero)(inputs)
    seen = embedded if mask_zero else layers.Conv1D(5, 2, padding="causal")(embedded)
    model = keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling1D()(seen)))
    model.save(tmp_path / "m.keras")
    x, lengths = rng.integers(1, 9, (4, 6)), np.array([6, 2, 1, 4])
    if mask_zero:
        x[np.arange(6) >= lengths[:, None]] = 0
    got = floatnet.predict(read_model(tmp_path / "m.keras"), x[..., None], lengths if mask_zero else None)
    assert got == pytest.approx(model.predict(x, verbose=0), abs=1e-5)

"""Models that train on integers, and how their codes are held against those of the networks that they become."""

from __future__ import annotations

import functools

import keras
import numpy as np

from ffhw.model import golden
from ffhw.model.data import fit_data
from ffhw.model.quantize import quantize
from ffhw.numbers.scales import Widths
from ffhw.reading.keras_model import read_model
from ffhw.training.layers.jk import JK
from ffhw.training.layers.sr import SR
from ffhw.training.layers.toggle import Toggle

layers = keras.layers
CELLS = {
    "jk": JK,
    "sr": SR,
    "toggle": Toggle,
    "jk closing": functools.partial(JK, closing=True),
    "lstm": layers.LSTM,
    "gru": layers.GRU,
    "gru_reset_before": functools.partial(layers.GRU, reset_after=False),
    "simple_rnn": layers.SimpleRNN,
}
WIDTHS = {
    "1": Widths(1),
    "2": Widths(2),
    "4": Widths(4, weight_bits=2),
    "8": Widths(8),
    "12": Widths(12),
    "ternary": Widths(4, weight_bits="ternary"),
    "binary": Widths(1, weight_bits="binary", input_bits=4),
}
CHAINS = {
    "normalized, scales of their own": [layers.Normalization(mean=[0.0, 1.0, 0.0], variance=[1.0, 1e4, 1.0]), JK],
    "convolution": [lambda: layers.Conv1D(5, 3, padding="causal", strides=2, activation="relu"), JK],
    "valid convolution": [lambda: layers.Conv1D(5, 3, activation="sigmoid"), layers.LSTM],
    "centered": [lambda: JK(5, centered=True, return_sequences=True), JK],
    "backwards": [lambda: JK(5, go_backwards=True, return_sequences=True), layers.GRU],
}


def wild(*parts, inputs=3, seed=1):
    """A model of these layers with larger weights than an untrained one has: all its codes are in use."""
    model = keras.Sequential([keras.Input((None, inputs)), *parts], name="wild")
    rng = np.random.default_rng(seed)
    model.set_weights([w + rng.normal(0, 0.7, w.shape) for w in model.get_weights()])
    return model


def sequences(seed=2, count=6, steps=5, inputs=3, ragged=False):
    x = np.random.default_rng(seed).normal(0, 1, (count, steps, inputs)).astype(np.float32)
    if ragged:
        for row, end in zip(x, np.random.default_rng(seed).integers(1, steps + 1, count), strict=True):
            row[end:] = 0.0
    return x


def golden_codes(model, x, path):
    """Output codes of the network that is exported, and which of them count."""
    model.save(path / "trained.keras")
    trained = read_model(path / "trained.keras")
    data = fit_data(x, None, None, trained.signature, "x")
    # other widths, noise for data: what is settled stays
    other = data.x if trained.layers[0].tokens else np.random.default_rng(0).normal(0, 9, data.x.shape)
    network = quantize(trained, other, widths=Widths(7))
    counts = np.ones((len(x), 1), bool)
    if network.return_sequences:
        counts = np.arange(network.rhythm.steps(x.shape[1])) < network.rhythm.steps(data.lengths)[:, None]
    outputs = golden.run(network, network.encode(data.x), data.lengths).outputs
    return network, outputs.reshape(*counts.shape, -1), counts


def equal_codes(model, x, path):
    """How many codes of the model were compared with those of the network that it exports; all must be equal."""
    network, expected, counts = golden_codes(model, x, path)
    values = np.asarray(model(x)).reshape(expected.shape)
    if network.layers[-1].head == "softmax":
        assert np.allclose(values[counts], network.decode(expected)[counts], atol=1e-6)
        return int(counts.sum()) * expected.shape[-1]
    exponents = np.exp2(network.output_exponents or 0.0)
    codes = np.floor(values * network.output.scale * exponents + 0.5)
    assert np.array_equal(codes[counts], expected[counts])
    return int(counts.sum()) * expected.shape[-1]


def chain(name):
    """The layers of a chain in front, and its cell."""
    *front, cell = CHAINS[name]
    return [part() if callable(part) and not isinstance(part, keras.Layer) else part for part in front], cell

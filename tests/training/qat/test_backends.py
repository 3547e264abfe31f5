"""Training on integers with JAX: the golden model's codes there too, and the gradients that TensorFlow has."""

from __future__ import annotations

import numpy as np
import pytest
from commands import on_backend

SCRIPT = """
import functools, sys
import keras, numpy as np
from ffhw.numbers.scales import Widths
from ffhw.training import quantized
from ffhw.training.layers.jk import JK

keras.utils.set_random_seed(1)
layers = keras.layers
x = np.random.default_rng(2).normal(size=(16, 6, 3)).astype("float32")
y = (x[:, -1, 0] > 0).astype("float32")
found = {}
before = functools.partial(layers.GRU, reset_after=False)
for name, cell in {"jk": JK, "lstm": layers.LSTM, "gru": layers.GRU, "gru_reset_before": before}.items():
    parts = [keras.Input((6, 3)), layers.Bidirectional(cell(4)), layers.Dense(1, activation="sigmoid")]
    model = keras.Sequential(parts)
    rng = np.random.default_rng(3)
    model.set_weights([rng.normal(0, 0.7, w.shape) for w in model.get_weights()])
    made = quantized(model, Widths(4, weight_bits=3), x, learn_scales=name == "gru")
    found[name + " codes"] = np.asarray(made(x)) * 15
    made.compile(keras.optimizers.SGD(0.1), "mse")
    made.train_on_batch(x, y)
    made.train_on_batch(x, y)
    for place, weight in enumerate(made.get_weights()):
        found[f"{name} {place}"] = weight
try:
    quantized(keras.Sequential([keras.Input((6, 3)), JK(4)]), 16, x)
except ValueError as error:
    found["refused"] = np.array(str(error))
np.savez(sys.argv[1], **found)
"""


@pytest.mark.long
def test_jax_agrees_with_tensorflow(tmp_path):
    given = {}
    for backend in ("tensorflow", "jax"):
        target = tmp_path / f"{backend}.npz"
        on_backend(backend, "-c", SCRIPT, target)
        with np.load(target) as file:
            given[backend] = dict(file)
    # JAX has no numbers of 64 bits unless it is told to, and TensorFlow has
    refused = str(given["jax"].pop("refused"))
    assert refused.endswith("over 2^24: use fewer bits, or jax.config.update('jax_enable_x64', True)")
    assert given["jax"].keys() == given["tensorflow"].keys()
    for name, value in given["tensorflow"].items():
        if name.endswith("codes"):
            assert np.array_equal(np.round(given["jax"][name]), np.round(value)), name
            assert len(np.unique(np.round(value))) > 2
        else:
            assert given["jax"][name] == pytest.approx(value, abs=1e-5), name

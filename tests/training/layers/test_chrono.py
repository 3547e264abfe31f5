from __future__ import annotations

import keras
import numpy as np
import pytest

from ffhw.training.layers.chrono import ChronoBias
from ffhw.training.networks.one_layer import build_model
from ffhw.training.networks.options import RecurrentOptions
from ffhw.training.tasks import TASKS


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_fresh_unit_forgets_within_its_time(cell):
    """Without input a unit's state falls to (1 - 1/T)^t: the slowest is at 1/e after its T steps, about."""
    model = build_model(TASKS["flipflop3"], RecurrentOptions(cell, units=5), 3)
    layer = model.layers[0]
    kernel, recurrent, bias = layer.get_weights()
    layer.set_weights([0 * kernel, 0 * recurrent, bias])
    times = np.exp(np.linspace(np.log(2), np.log(60), 5))
    start = [np.ones((1, 5), np.float32)] * (2 if cell == "lstm" else 1)
    for _ in range(40):
        _, start = layer.cell(np.zeros((1, 3), np.float32), start)
    state = keras.ops.convert_to_numpy(start[-1])[0]
    assert state == pytest.approx((1 - 1 / times) ** 40, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_without_it_biases_are_kerass_own(cell):
    fresh = build_model(TASKS["flipflop3"], RecurrentOptions(cell, units=4, hold_bias=False), 3)
    plain = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU}[cell](4)
    plain.build((None, None, 3))
    assert np.array_equal(fresh.layers[0].get_weights()[2], plain.get_weights()[2])


def test_it_survives_its_description():
    one = ChronoBias("gru", 3.0, 9.0)
    again = keras.initializers.deserialize(keras.initializers.serialize(one))
    assert np.array_equal(one((2, 12)), again((2, 12)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("rnn",), "cell must be 'lstm' or 'gru', not 'rnn'"), (("gru", 1.0), "ChronoBias needs 1 < shortest <= longest")],
)
def test_bad_parameters(arguments, message):
    with pytest.raises(ValueError, match=message):
        ChronoBias(*arguments)


def test_it_fills_nothing_else():
    with pytest.raises(ValueError, match=r"ChronoBias of lstm fills biases of shape \(8,\), not \(2, 8\)"):
        ChronoBias("lstm")((2, 8))

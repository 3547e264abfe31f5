from __future__ import annotations

import keras
import numpy as np
import pytest

from ffhw.training.layers.ctrnn import CTRNN


def test_with_dt_equal_to_tau_it_is_the_simple_rnn(rng):
    x = rng.normal(size=(3, 7, 2)).astype(np.float32)
    plain = keras.Sequential([keras.Input((None, 2)), keras.layers.SimpleRNN(5, return_sequences=True)])
    euler = keras.Sequential([keras.Input((None, 2)), CTRNN(5, tau_ms=4.0, dt_ms=4.0, return_sequences=True)])
    euler.set_weights(plain.get_weights())
    assert euler.predict(x, verbose=0) == pytest.approx(plain.predict(x, verbose=0), abs=1e-6)


def test_one_step_is_eulers(rng):
    model = keras.Sequential([keras.Input((None, 2)), CTRNN(4, tau_ms=10.0, dt_ms=2.0, return_sequences=True)])
    wx, wh, b = (w + rng.normal(0, 0.5, w.shape) for w in model.get_weights())
    model.set_weights([wx, wh, b])
    x = rng.normal(size=(1, 6, 2)).astype(np.float32)
    h, expected = np.zeros(4), []
    for t in range(6):
        h = h + (2.0 / 10.0) * (-h + np.tanh(x[0, t] @ wx + h @ wh + b))
        expected.append(h)
    assert model.predict(x, verbose=0)[0] == pytest.approx(np.array(expected), abs=1e-6)


def test_it_decays_with_its_time_constant():
    model = keras.Sequential([keras.Input((None, 1)), CTRNN(1, tau_ms=50.0, dt_ms=1.0, return_sequences=True)])
    model.set_weights([np.full((1, 1), 20.0), np.zeros((1, 1)), np.zeros(1)])
    x = np.zeros((1, 101, 1), np.float32)
    x[0, 0] = 1.0
    h = model.predict(x, verbose=0)[0, :, 0]
    assert h[50] / h[0] == pytest.approx((1 - 1 / 50) ** 50, rel=1e-4)


def test_it_survives_its_file(tmp_path, rng):
    model = keras.Sequential([keras.Input((None, 2)), CTRNN(4, 30.0, 3.0, recurrent_constraint="non_neg")])
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    assert again.layers[0].get_config() == model.layers[0].get_config()
    x = rng.normal(size=(2, 5, 2)).astype(np.float32)
    assert np.array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


@pytest.mark.parametrize("times", [(1.0, 2.0), (1.0, 0.0)])
def test_bad_times(times):
    with pytest.raises(ValueError, match=r"^CTRNN needs 0 < dt_ms <= tau_ms, not "):
        CTRNN(3, *times)

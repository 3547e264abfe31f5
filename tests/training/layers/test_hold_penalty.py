"""The hold penalty: what changes of states cost while training, and nothing at any other time."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops

from ffhw.errors import InputError
from ffhw.reading.keras_model import read_model
from ffhw.training.layers.jk import JK
from ffhw.training.layers.sr import SR
from ffhw.training.layers.toggle import Toggle
from ffhw.training.networks.options import RecurrentOptions
from ffhw.training.tasks import task


@pytest.mark.parametrize("layer_class", [JK, SR, Toggle])
@pytest.mark.parametrize("every_step", [True, False])
@pytest.mark.parametrize("masked", [True, False])
def test_it_is_the_mean_change_of_steps_that_count(rng, layer_class, every_step, masked):
    layer = layer_class(3, return_sequences=every_step, hold_penalty=0.5)
    twin = layer_class(3, return_sequences=True)
    x = rng.normal(size=(4, 6, 2)).astype("float32")
    mask = np.arange(6) < np.array([6, 4, 1, 6])[:, None] if masked else None
    layer(x)
    twin(x)
    twin.set_weights(layer.get_weights())
    states = ops.convert_to_numpy(twin(x))
    counts = np.ones((4, 6), bool) if mask is None else mask
    change = np.abs(np.diff(states, axis=1, prepend=0.0))[counts]
    layer(x, mask=mask, training=True)
    (loss,) = layer.losses
    assert float(loss) == pytest.approx(0.5 * change.mean(), rel=1e-5)


def test_it_is_no_part_of_what_is_asked_at_other_times(rng):
    x = rng.normal(size=(4, 6, 2)).astype("float32")
    layer = JK(3, hold_penalty=0.5)
    layer(x, training=False)
    assert layer.losses == []
    layer = JK(3)
    layer(x, training=True)
    assert layer.losses == []


@pytest.mark.long
def test_units_learn_to_hold(rng):
    """The same training with and without; that with a penalty moves its states less."""
    x = rng.normal(size=(64, 8, 2)).astype("float32")
    y = (x.mean(axis=1)[:, :1] > 0).astype("float32")
    moved = []
    for penalty in (0.0, 3.0):
        keras.utils.set_random_seed(2)
        recurrent = JK(6, return_sequences=True, hold_penalty=penalty)
        model = keras.Sequential([keras.Input((None, 2)), recurrent, keras.layers.GlobalAveragePooling1D()])
        model.add(keras.layers.Dense(1, activation="sigmoid"))
        model.compile(keras.optimizers.Adam(0.03), "binary_crossentropy")
        model.fit(x, y, epochs=15, verbose=0)
        states = ops.convert_to_numpy(recurrent(x))
        moved.append(np.abs(np.diff(states, axis=1)).mean())
    assert moved[1] < 0.5 * moved[0]


def test_it_is_kept_in_the_file_and_read_over(tmp_path):
    model = keras.Sequential([keras.Input((None, 2)), JK(3, hold_penalty=0.25)])
    model.save(tmp_path / "m.keras")
    assert keras.models.load_model(tmp_path / "m.keras").layers[0].hold_penalty == 0.25
    assert read_model(tmp_path / "m.keras").layers[0].units == 3


@pytest.mark.parametrize("options", [{"hold_penalty": -1.0}, {"hold_penalty": float("inf")},
                                     {"hold_penalty": 1.0, "unroll": True}])  # fmt: skip
def test_what_cannot_be_is_refused(options):
    with pytest.raises(ValueError, match="hold_penalty"):
        JK(3, **options)


def test_on_the_command_line():
    with pytest.raises(InputError, match="--hold-penalty must be at least 0, not -1"):
        RecurrentOptions(hold_penalty=-1)
    with pytest.raises(InputError, match="--hold-penalty is for jk, sr, toggle; lstm has none"):
        RecurrentOptions("lstm", hold_penalty=1)
    with pytest.raises(InputError, match=r"takes none of .*--hold-penalty"):
        task("signal").preset(RecurrentOptions(hold_penalty=1))
    assert task("flipflop3").build(RecurrentOptions(hold_penalty=0.5), None, _data(), 1).layers[0].hold_penalty == 0.5


def _data():
    from ffhw.training.tasks import TaskData

    return TaskData(np.zeros((1, 2, 3)), np.zeros((1, 2, 3)), None, None, None)

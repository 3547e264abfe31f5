"""Pruning: exactly the share that is asked for, and zero for ever: through training, integers and export."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
from small_task import TASK

from ffhw.errors import InputError
from ffhw.export import Options, export
from ffhw.numbers.scales import Widths
from ffhw.training import pruning
from ffhw.training.layers.constraints import WeightLimit
from ffhw.training.layers.jk import JK
from ffhw.training.networks.options import RecurrentOptions
from ffhw.training.pruning import Pruning, share_at
from ffhw.training.qat.train import Stages
from ffhw.training.train import settle, train


@pytest.fixture
def model():
    keras.utils.set_random_seed(1)
    layers = [keras.Input((None, 2)), JK(4, kernel_constraint=WeightLimit(0.25)), keras.layers.Dense(3)]
    made = keras.Sequential(layers)
    made.compile(keras.optimizers.Adam(0.05), "mse")
    return made


def matrices(layer):
    return [np.asarray(w.value) for w in layer.trainable_variables if w.name.endswith("kernel")]


def data(rng):
    return rng.normal(size=(32, 6, 2)).astype("float32"), rng.normal(size=(32, 3)).astype("float32")


def test_the_share_rises_and_stays():
    shares = [share_at(epoch, 20, 0.8) for epoch in range(20)]
    assert shares[0] == 0
    assert shares == sorted(shares)
    assert shares[12:] == [0.8] * 8
    assert share_at(3, 20, 0.8) == pytest.approx(0.8 * (1 - 0.75**3))
    assert share_at(0, 1, 0.8) == 0.8


def test_each_layers_smallest_are_zero_and_no_others(model):
    before = [matrices(layer) for layer in model.layers]
    Pruning(model, 0.5, 1).begin(0)
    for layer, old in zip(model.layers, before, strict=True):
        new, old = (np.concatenate([m.ravel() for m in found]) for found in (matrices(layer), old))
        assert (new == 0).sum() == round(0.5 * len(old))
        assert np.abs(old[new == 0]).max() <= np.abs(old[new != 0]).min()
        assert np.array_equal(new[new != 0], old[new != 0])


def test_what_is_zero_stays_zero_and_the_rest_learns(model, rng):
    pruned = Pruning(model, 0.5, 1)
    pruned.begin(0)
    before = [m for layer in model.layers for m in matrices(layer)]
    bias = np.asarray(model.layers[0].cell.bias.value)
    model.fit(*data(rng), epochs=3, verbose=0)
    after = [m for layer in model.layers for m in matrices(layer)]
    for old, new in zip(before, after, strict=True):
        assert np.array_equal(new == 0, old == 0)
        assert not np.array_equal(new, old)
    assert (np.asarray(model.layers[0].cell.bias.value) != bias).all()
    # the weight's own rule holds as well
    assert np.abs(after[0]).max() <= 0.25
    # more of them later, among which the first
    pruned.share = 0.75
    pruned.begin(0)
    for old, layer in zip([before[:2], before[2:]], model.layers, strict=True):
        for was, now in zip(old, matrices(layer), strict=True):
            assert (now[was == 0] == 0).all()
        assert sum((m == 0).sum() for m in matrices(layer)) == round(0.75 * sum(m.size for m in old))


def test_a_training_that_goes_on_prunes_the_same(model):
    """What is zero follows from weights and epoch: another object, on the same weights, takes the same."""
    Pruning(model, 0.6, 10).begin(3)
    weights = model.get_weights()
    Pruning(model, 0.6, 10).begin(3)
    assert all(np.array_equal(a, b) for a, b in zip(weights, model.get_weights(), strict=True))


@pytest.mark.long
def test_zero_from_training_to_the_hardwares_codes(tmp_path):
    sizes = dataclasses.replace(settle(TASK, RecurrentOptions()), epochs=3)
    record = train(TASK, tmp_path / "m.keras", preset=sizes, prune=0.75, stages=Stages((Widths(4),), epochs=2))
    assert record["prune"] == 0.75
    assert record["sparsity"]["bits"] is None
    assert record["sparsity"]["zero_weights"]["codes"] >= 0.74
    network = export(tmp_path / "m.keras", tmp_path / "build", Options(Widths(4))).network()
    for layer in network.layers:
        weights = np.concatenate([m.ravel() for m in layer.matrices])
        # of few weights, not every share is one
        assert (weights == 0).mean() >= 0.75 - 0.5 / len(weights)
        assert (weights != 0).any()
        assert (np.asarray(layer.bias) != 0).any()


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_shares_out_of_range_are_refused(share):
    with pytest.raises(InputError, match="--prune is a share of the weights, at least 0 and below 1"):
        settle(TASK, RecurrentOptions(), prune=share)


def test_one_device_only(tmp_path):
    with pytest.raises(InputError, match="--prune works on one device: leave out --strategy"):
        train(TASK, tmp_path / "m.keras", prune=0.5, strategy="mirrored")


def test_other_backends_are_refused(model, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(InputError, match="--prune needs TensorFlow"):
        Pruning(model, 0.5, 1)


def test_nothing_is_done_where_nothing_is_asked_for(model):
    sizes = settle(TASK, RecurrentOptions())
    constraints = [w.constraint for w in model.trainable_variables]
    pruning.each_epoch(model, sizes)(0)
    assert [w.constraint for w in model.trainable_variables] == constraints

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
from keras import ops

from ffhw.errors import InputError
from ffhw.training.layers.constraints import Chain, DaleLaw, NoSelfConnection, Sparse, WeightLimit, balance
from ffhw.training.networks.one_layer import build_model
from ffhw.training.networks.options import RecurrentOptions
from ffhw.training.tasks import TASKS, TaskData
from ffhw.training.train import train

ALL = [WeightLimit(1.5), DaleLaw(0.75), Sparse(0.4, seed=3), NoSelfConnection()]


def applied(constraint, w):
    return ops.convert_to_numpy(constraint(np.asarray(w, np.float32)))


def kernel(rng, units=8, gates=2):
    return rng.normal(0, 2, (units, gates * units))


def test_weight_limit_cuts():
    assert applied(WeightLimit(1.5), [-3.0, 0.2, 1.6]) == pytest.approx([-1.5, 0.2, 1.5])


def test_dale_gives_each_sender_one_sign(rng):
    w = kernel(rng)
    got = applied(DaleLaw(0.75), w)
    assert (got[:6] >= 0).all()
    assert (got[6:] <= 0).all()
    # and changes nothing else
    kept = got != 0
    assert got[kept] == pytest.approx(w[kept])
    assert np.array_equal(kept[:6], w[:6] > 0)
    assert np.array_equal(kept[6:], w[6:] < 0)


def test_sparse_keeps_the_same_connections_for_all_gates(rng):
    got = applied(Sparse(0.4, seed=3), kernel(rng, 50)) != 0
    assert np.array_equal(got[:, :50], got[:, 50:])
    assert 0.35 < got.mean() < 0.45
    assert not np.array_equal(got, applied(Sparse(0.4, seed=4), kernel(rng, 50)) != 0)


def test_no_unit_feeds_itself(rng):
    w = kernel(rng)
    got = applied(NoSelfConnection(), w)
    zero = np.argwhere(got == 0)
    assert np.array_equal(zero, sorted([(i, i) for i in range(8)] + [(i, 8 + i) for i in range(8)]))


def test_order_in_a_chain_does_not_matter(rng):
    w = kernel(rng)
    one = applied(Chain(ALL), w)
    assert np.array_equal(one, applied(Chain(ALL[::-1]), w))
    assert np.array_equal(one, applied(Chain(ALL), one))


@pytest.mark.parametrize("constraint", [*ALL, Chain(ALL)], ids=lambda c: type(c).__name__)
def test_descriptions_survive_a_file(constraint, rng):
    again = keras.constraints.deserialize(keras.constraints.serialize(constraint))
    w = kernel(rng)
    assert type(again) is type(constraint)
    assert np.array_equal(applied(again, w), applied(constraint, w))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: WeightLimit(0), "limit must be greater than 0, not 0"),
        (lambda: DaleLaw(1.2), "excitatory must be from 0 to 1, not 1.2"),
        (lambda: Sparse(0.0), "density must be above 0 and at most 1, not 0.0"),
    ],
)
def test_bad_parameters(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def recurrent_kernel(model):
    return model.layers[0].cell.get_weights()[1]


@pytest.mark.parametrize("cell", ["jk", "rnn", "ctrnn"])
def test_fresh_and_trained_weights_obey(tmp_path, cell):
    def load(seed):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(64, 6, 3)).astype(np.float32)
        return TaskData(x, np.sign(x), x[:4], np.sign(x[:4]), np.full(4, 6))

    options = RecurrentOptions(cell, units=10, dale=0.8, density=0.5, self_connection=False)
    train(dataclasses.replace(TASKS["flipflop3"], load=load), tmp_path / "m.keras", options, epochs=2)
    kernels = [recurrent_kernel(keras.models.load_model(tmp_path / name)) for name in ("m.initial.keras", "m.keras")]
    assert not np.array_equal(*kernels)
    for w in kernels:
        assert (w[:8] >= 0).all()
        assert (w[8:] <= 0).all()
        assert not np.diagonal(w).any()
        assert 0.05 < (w != 0).mean() < 0.5


def test_balanced_weights_cancel_and_have_radius_one(rng):
    w = balance(applied(DaleLaw(0.8), kernel(rng, 50)), 0.8)
    for gate in np.split(w, 2, axis=1):
        assert np.abs(np.linalg.eigvals(gate)).max() == pytest.approx(1.0, rel=1e-5)
        assert (gate[:40] >= 0).all()
        assert (gate[40:] <= 0).all()
        # but for chance, what a unit receives sums to nothing
        assert abs(gate.sum()) < 0.2 * np.abs(gate).sum()
    sparse = applied(Sparse(0.3), kernel(rng, 50))
    scaled = balance(sparse, None)
    assert np.abs(np.linalg.eigvals(scaled[:, :50])).max() == pytest.approx(1.0, rel=1e-5)
    assert np.array_equal(scaled != 0, sparse != 0)
    assert np.array_equal(balance(np.zeros((4, 4)), 0.5), np.zeros((4, 4)))
    assert np.abs(np.linalg.eigvals(balance(np.ones((4, 4)), 1.0))).max() == pytest.approx(1.0)


def test_fresh_weights_obey_without_any_law_too():
    model = build_model(TASKS["flipflop3"], RecurrentOptions("lstm", units=10, density=0.3), 3, seed=5)
    w = recurrent_kernel(model)
    assert np.array_equal(w, applied(Sparse(0.3, seed=5), w))
    assert 0.2 < (w != 0).mean() < 0.4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cell": "tanh"}, "--cell must be one of jk, sr, toggle, lstm, gru, rnn, ctrnn, not 'tanh'"),
        ({"units": 0}, "--units must be at least 1, not 0"),
        ({"tau_ms": 5.0}, "--tau-ms is a time constant of the ctrnn cell; jk has none"),
        ({"dale": 2.0}, "--dale is the share of excitatory units, from 0 to 1, not 2.0"),
        ({"density": 0.0}, "--density must be above 0 and at most 1, not 0.0"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(InputError, match=message):
        RecurrentOptions(**options)


def test_time_constant_below_the_time_step():
    with pytest.raises(InputError, match=r"--tau-ms must be at least the task's time step, 20 ms, not 5"):
        build_model(TASKS["delayed-match"], RecurrentOptions("ctrnn", tau_ms=5.0), 2)

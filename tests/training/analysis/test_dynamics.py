from __future__ import annotations

import keras
import numpy as np
import pytest

from ffhw.errors import InputError
from ffhw.model.quantize import quantize
from ffhw.numbers.scales import Widths
from ffhw.reading.keras_model import read_model
from ffhw.training.analysis.dynamics import QuantizedDynamics, read_dynamics, respond
from ffhw.training.networks.one_layer import build_model
from ffhw.training.networks.options import CELLS, RecurrentOptions
from ffhw.training.tasks import TASKS

MODELS = {cell: RecurrentOptions(cell, units=7) for cell in CELLS}
MODELS["centered"] = RecurrentOptions("jk", units=7, centered=True)
MODELS["closing"] = RecurrentOptions("jk", units=7, closing=True)
MODELS["toggle, closing"] = RecurrentOptions("toggle", units=7, closing=True)
MODELS["gates of the inputs only"] = RecurrentOptions("jk", units=7, recurrent_gates=False)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A saved model of every cell, weights random, and the Keras model itself."""
    folder = tmp_path_factory.mktemp("cells")
    made = {}
    for number, (name, options) in enumerate(MODELS.items()):
        keras.utils.set_random_seed(number)
        model = build_model(TASKS["flipflop3"], options, 3)
        rng = np.random.default_rng(number)
        model.set_weights([w + rng.normal(0, 0.5, w.shape) for w in model.get_weights()])
        model.save(folder / f"{number}.keras")
        made[name] = (folder / f"{number}.keras", model)
    return made


@pytest.mark.parametrize("name", MODELS)
def test_it_does_what_keras_does(models, name, rng):
    path, model = models[name]
    system = read_dynamics(path)
    x = rng.normal(size=(70, 9, 3)).astype(np.float32)
    assert (system.cell, system.units, system.inputs) == (MODELS[name].cell, 7, 3)
    assert system.parameters == model.count_params()
    assert system.run(x)[1] == pytest.approx(model.predict(x, verbose=0), abs=3e-6)
    # in batches, and in two parts, it is the same
    assert np.array_equal(respond(system, x)[:64], system.run(x[:64].astype(np.float64))[1])
    states, outputs = system.run(x)
    assert system.run(x[:, 4:], states[:, 3])[1] == pytest.approx(outputs[:, 4:], abs=1e-12)


@pytest.mark.parametrize("name", MODELS)
def test_the_jacobian_is_the_derivative(models, name, rng):
    system = read_dynamics(models[name][0])
    s, x = rng.uniform(0, 1, (2, system.state_size)), rng.normal(size=3)
    step = 1e-6
    columns = [
        (system.step(s + step * e, x) - system.step(s - step * e, x)) / (2 * step) for e in np.eye(system.state_size)
    ]
    assert system.jacobian(s, x) == pytest.approx(np.stack(columns, axis=-1), abs=1e-8)


@pytest.mark.parametrize("cell", CELLS)
def test_recurrent_matrices_go_from_column_to_row(models, cell):
    path, model = models[cell]
    matrices = read_dynamics(path).recurrent_matrices()
    kernel = model.layers[0].cell.get_weights()[1]
    assert np.concatenate(list(matrices.values())) == pytest.approx(kernel.T)
    assert "".join(matrices) == {"jk": "JK", "sr": "SR", "toggle": "T", "lstm": "ifco", "gru": "zrh"}.get(cell, "h")


def test_the_golden_model_answers_to_the_same_calls(models, rng):
    path, _ = models["jk"]
    x = rng.normal(size=(4, 12, 3))
    system = QuantizedDynamics(quantize(read_model(path), x, np.full(4, 12), Widths(6)))
    states, outputs = system.run(x)
    assert states.shape == (4, 12, 7)
    assert np.array_equal(states * 63, np.rint(states * 63))
    # a state given back as values is the same code
    again, rest = system.run(x[:, 5:], states[:, 4])
    assert np.array_equal(again, states[:, 5:])
    assert np.array_equal(rest, outputs[:, 5:])
    j, k, h = system.gates(x)
    assert np.array_equal(h, states)
    assert j.min() >= 0
    assert k.max() <= 1


def sequential(*layers):
    return keras.Sequential([keras.Input((None, 3)), *layers])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: sequential(keras.layers.Dense(3)), "is a Dense; analyze takes one recurrent layer"),
        (
            lambda: sequential(
                keras.layers.GRU(2, return_sequences=True),
                keras.layers.GRU(2, return_sequences=True),
                keras.layers.Dense(1),
            ),
            "has 2 recurrent and 1 dense layers; analyze takes one recurrent layer",
        ),
        (lambda: sequential(keras.layers.LSTM(2), keras.layers.Dense(1)), "answers once a sequence"),
        (
            lambda: sequential(
                keras.layers.SimpleRNN(2, activation="relu", return_sequences=True), keras.layers.Dense(1)
            ),
            "analyze takes activation='tanh' only, not 'relu'",
        ),
        (
            lambda: sequential(keras.layers.GRU(2, reset_after=False, return_sequences=True), keras.layers.Dense(1)),
            "analyze takes reset_after=True only, not False",
        ),
        (
            lambda: sequential(keras.layers.GRU(2, return_sequences=True), keras.layers.Dense(1, activation="sigmoid")),
            "the readout must be linear, not sigmoid",
        ),
        (
            lambda: sequential(keras.layers.GRU(2, return_sequences=True, go_backwards=True), keras.layers.Dense(1)),
            "analyze takes go_backwards=False only, not True",
        ),
    ],
)
def test_other_structures_are_refused(tmp_path, make, message):
    make().save(tmp_path / "m.keras")
    with pytest.raises(InputError, match=message):
        read_dynamics(tmp_path / "m.keras")

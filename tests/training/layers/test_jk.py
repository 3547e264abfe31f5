from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from ffhw.training.layers.jk import JK, HoldBias, JKCell


def sigmoid(v):
    return 1 / (1 + np.exp(-v))


def numpy_states(layer, x):
    """Eq. 1-3 in NumPy, double precision: states of every step ``[batch, time, N]``."""
    kernel, recurrent, bias = (np.array(w, dtype=np.float64) for w in layer.get_weights())
    n = layer.cell.units
    h = np.zeros((len(x), n))
    out = []
    for t in range(x.shape[1]):
        gates = sigmoid(x[:, t] @ kernel + bias[0] + h @ recurrent + bias[1])
        j, k = gates[:, :n], gates[:, n:]
        h = j * (1 - h) + (1 - k) * h
        out.append(h)
    return np.stack(out, axis=1)


@pytest.fixture
def layer(rng):
    """A JK layer with weights that differ in every element, so that no two gates or units can be mistaken."""
    made = JK(4, return_sequences=True)
    made.build((None, None, 3))
    made.set_weights([rng.normal(0, 0.8, w.shape) for w in made.get_weights()])
    return made


@pytest.fixture
def x(rng):
    return rng.normal(size=(5, 7, 3)).astype(np.float32)


def test_layer_computes_the_equations(layer, x):
    assert ops.convert_to_numpy(layer(x)) == pytest.approx(numpy_states(layer, x), abs=2e-6)


def test_gate_order_is_j_then_k(layer):
    kernel, recurrent, bias = (np.zeros_like(w) for w in layer.get_weights())
    bias[0, :4] = 30.0  # J = 1 sets
    bias[0, 4:] = -30.0  # K = 0 does not reset
    layer.set_weights([kernel, recurrent, bias])
    assert ops.convert_to_numpy(layer(np.zeros((1, 1, 3))))[0, 0] == pytest.approx(np.ones(4))


def test_gradient_of_one_step_is_equation_3():
    """dh/dJ = 1 - h, dh/dK = -h, and dh/dh with fixed gates = 1 - J - K."""
    cell = JKCell(3, use_bias=False, kernel_initializer="zeros", recurrent_initializer="zeros")
    cell.build((None, 2))
    pre = tf.Variable([[0.3, -1.2, 2.0, 0.7, 0.1, -0.4]])
    h = tf.Variable([[0.1, 0.5, 0.8]])
    # an identity kernel hands the pre-activations through, so that gradients reach the gates
    cell.set_weights([np.zeros((2, 6)), np.zeros((3, 6))])
    with tf.GradientTape(persistent=True) as tape:
        gates = tf.sigmoid(pre)
        j, k = gates[:, :3], gates[:, 3:]
        tape.watch([j, k])
        new = j * (1 - h) + (1 - k) * h
    assert tape.gradient(new, j).numpy() == pytest.approx(1 - h.numpy())
    assert tape.gradient(new, k).numpy() == pytest.approx(-h.numpy())
    assert tape.gradient(new, h).numpy() == pytest.approx(1 - j.numpy() - k.numpy())


def analytic_gradients(layer, x, target):
    """Back-propagation through time by hand with the paper's eq. 3; loss = sum (h - target)^2 over all steps."""
    kernel, recurrent, bias = (np.array(w, dtype=np.float64) for w in layer.get_weights())
    n = layer.cell.units
    states = [np.zeros((len(x), n))]
    gates = []
    for t in range(x.shape[1]):
        g = sigmoid(x[:, t] @ kernel + bias[0] + states[-1] @ recurrent + bias[1])
        gates.append(g)
        states.append(g[:, :n] * (1 - states[-1]) + (1 - g[:, n:]) * states[-1])
    d_kernel, d_recurrent, d_bias = (np.zeros_like(w) for w in (kernel, recurrent, bias))
    d_h = np.zeros_like(states[0])
    for t in reversed(range(x.shape[1])):
        d_h = d_h + 2 * (states[t + 1] - target[:, t])
        h, g = states[t], gates[t]
        # dh/dJ = 1 - h, dh/dK = -h
        d_gates = np.concatenate([d_h * (1 - h), -d_h * h], axis=1) * g * (1 - g)
        d_kernel += x[:, t].T @ d_gates
        d_recurrent += h.T @ d_gates
        d_bias += d_gates.sum(axis=0)
        d_h = d_h * (1 - g[:, :n] - g[:, n:]) + d_gates @ recurrent.T
    return d_kernel, d_recurrent, d_bias


def test_autodiff_equals_the_papers_gradients(layer, x, rng):
    target = rng.normal(size=(5, 7, 4))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(layer(x) - target.astype(np.float32)))
    weights = [layer.cell.kernel, layer.cell.recurrent_kernel, layer.cell.bias]
    got = tape.gradient(loss, [w.value for w in weights])
    for g, expected in zip(got, analytic_gradients(layer, x.astype(np.float64), target), strict=True):
        assert g.numpy() == pytest.approx(expected, abs=2e-4)


def test_gradients_equal_finite_differences(layer, x, rng):
    """In double precision, through the NumPy model that the layer was held against above."""
    target = rng.normal(size=(5, 7, 4))
    weights = [np.array(w, dtype=np.float64) for w in layer.get_weights()]
    gradients = analytic_gradients(layer, x.astype(np.float64), target)

    class Bare:
        cell = layer.cell

        def get_weights(self):
            return weights

    def loss():
        return np.square(numpy_states(Bare(), x.astype(np.float64)) - target).sum()

    for array, gradient in zip(weights, gradients, strict=True):
        for _ in range(6):
            place = tuple(rng.integers(0, s) for s in array.shape)
            kept, step = array[place], 1e-6
            array[place] = kept + step
            above = loss()
            array[place] = kept - step
            below = loss()
            array[place] = kept
            assert (above - below) / (2 * step) == pytest.approx(gradient[place], rel=1e-5, abs=1e-7)


def test_parameter_counts_of_the_paper():
    layers = keras.layers
    signal = keras.Sequential(
        [layers.Input((100, 3)), JK(50, return_sequences=True), JK(50, return_sequences=True), layers.Dense(1)]
    )
    assert signal.count_params() == 15_751
    text = keras.Sequential(
        [layers.Input((100,)), layers.Embedding(66, 256), JK(1024, return_sequences=True), layers.Dense(66)]
    )
    assert text.count_params() == 2_710_082
    sentiment = layers.Bidirectional(JK(100))
    sentiment.build((None, 500, 32))
    assert sentiment.count_params() == 53_600


def test_last_step_sequence_and_state(layer, x):
    states = numpy_states(layer, x)
    weights = layer.get_weights()

    def variant(**options):
        made = JK(4, **options)
        made.build((None, None, 3))
        made.set_weights(weights)
        return made

    assert ops.convert_to_numpy(variant()(x)) == pytest.approx(states[:, -1], abs=2e-6)
    sequence, final = variant(return_sequences=True, return_state=True)(x)
    assert ops.convert_to_numpy(sequence) == pytest.approx(states, abs=2e-6)
    assert ops.convert_to_numpy(final) == pytest.approx(states[:, -1], abs=2e-6)
    backwards = ops.convert_to_numpy(variant(go_backwards=True)(x))
    assert backwards == pytest.approx(numpy_states(layer, x[:, ::-1])[:, -1], abs=2e-6)
    halves = variant(return_state=True)
    _, middle = halves(x[:, :3])
    assert ops.convert_to_numpy(halves(x[:, 3:], initial_state=[middle])[0]) == pytest.approx(states[:, -1], abs=2e-6)


def test_stateful_layers_go_on_where_they_stopped(layer, x):
    states = numpy_states(layer, x)
    model = keras.Sequential([keras.Input(batch_shape=(5, None, 3)), JK(4, stateful=True)])
    model.set_weights(layer.get_weights())
    model.predict(x[:, :3], verbose=0)
    assert model.predict(x[:, 3:], verbose=0) == pytest.approx(states[:, -1], abs=2e-6)


def test_masked_steps_hold_the_state(layer, x):
    states = numpy_states(layer, x)
    mask = np.arange(7) < np.array([7, 3, 1, 5, 2])[:, None]
    made = JK(4)
    made.build((None, None, 3))
    made.set_weights(layer.get_weights())
    expected = states[np.arange(5), mask.sum(axis=1) - 1]
    assert ops.convert_to_numpy(made(x, mask=mask)) == pytest.approx(expected, abs=2e-6)


def test_bidirectional_wraps_it(x):
    both = keras.layers.Bidirectional(JK(4, return_sequences=True))
    assert both(x).shape == (5, 7, 8)
    assert both.count_params() == 2 * 2 * 4 * (3 + 4 + 2)


def test_configuration_survives_the_round_trip():
    options = {
        "units": 5,
        "use_bias": False,
        "dropout": 0.1,
        "recurrent_dropout": 0.2,
        "kernel_regularizer": keras.regularizers.L2(0.1),
        "recurrent_constraint": keras.constraints.MaxNorm(2.0),
        "bias_initializer": HoldBias(2.0, 8.0),
        "return_sequences": True,
        "go_backwards": True,
        "seed": 3,
        "name": "memory",
    }
    layer = JK(**options)
    again = JK.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    for name in ("units", "use_bias", "dropout", "recurrent_dropout", "seed"):
        assert getattr(again.cell, name) == options[name]
    assert again.cell.bias_initializer.get_config() == {"shortest": 2.0, "longest": 8.0, "gates": 2}
    cell = JKCell(3, dropout=0.5)
    assert JKCell.from_config(cell.get_config()).get_config() == cell.get_config()


def test_dropout_acts_in_training_only(x):
    layer = JK(4, dropout=0.5, recurrent_dropout=0.5, seed=1)
    still = [ops.convert_to_numpy(layer(x, training=False)) for _ in range(2)]
    assert np.array_equal(*still)
    assert not np.allclose(ops.convert_to_numpy(layer(x, training=True)), still[0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"units": 0}, r"^units must be a positive integer, not 0$"),
        ({"units": 2.5}, r"^units must be a positive integer, not 2\.5$"),
        ({"units": 3, "dropout": 1.0}, r"^dropout must be at least 0 and below 1, not 1\.0$"),
        ({"units": 3, "recurrent_dropout": -0.1}, r"^recurrent_dropout must be at least 0 and below 1, not -0\.1$"),
    ],
)
def test_bad_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        JK(**options)


def test_hold_bias_gives_each_unit_its_relaxation_time():
    bias = ops.convert_to_numpy(HoldBias(1.0, 16.0)((2, 10)))
    assert np.array_equal(bias[0], bias[1])
    gate = sigmoid(bias.sum(axis=0))
    assert gate[:5] == pytest.approx(gate[5:])
    assert 1 / (2 * gate[:5]) == pytest.approx([1, 2, 4, 8, 16], rel=1e-5)


@pytest.mark.parametrize("times", [(0.5, 3.0), (4.0, 2.0)])
def test_hold_bias_refuses(times):
    with pytest.raises(ValueError, match=r"^HoldBias needs 1 <= shortest <= longest, not "):
        HoldBias(*times)


def test_hold_bias_fills_nothing_else():
    with pytest.raises(ValueError, match=r"^HoldBias fills biases of shape \(2, 2 \* units\), not \(8,\)$"):
        HoldBias()((8,))

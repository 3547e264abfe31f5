"""Gates that close: what they are, how they learn, and that a state behind them stays exactly what it is."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops

from ffhw.errors import InputError
from ffhw.layers.bidirectional import BidirectionalLayer
from ffhw.model import floatnet, golden
from ffhw.model.quantize import quantize
from ffhw.numbers.scales import Widths
from ffhw.numbers.tables import closing_sigmoid
from ffhw.reading.keras_model import read_model
from ffhw.training.layers import gates
from ffhw.training.layers.hold_bias import HoldBias
from ffhw.training.layers.jk import JK
from ffhw.training.layers.sr import SR
from ffhw.training.layers.toggle import Toggle
from ffhw.training.networks.options import RecurrentOptions

SUMS = np.array([-30.0, -4.0, -3.8, -1.0, 0.0, 1.0, 3.8, 4.0, 30.0], np.float32)
SMOOTH = 1 / (1 + np.exp(-SUMS.astype(np.float64)))


def made(kind, rng, **options):
    layer = kind(4, return_sequences=True, closing=True, **options)
    layer.build((None, None, 3))
    layer.set_weights([rng.normal(0, 2.0, w.shape) for w in layer.get_weights()])
    return layer


def slopes(layer, x):
    """Gradients of the layer's mean square by its weights, from a step of gradient descent."""
    model = keras.Sequential([keras.Input(x.shape[1:]), layer])
    before = layer.get_weights()
    model.compile(keras.optimizers.SGD(1.0), "mse", jit_compile=False)
    model.train_on_batch(x, np.zeros((*x.shape[:2], 4)))
    found = [old - new for old, new in zip(before, layer.get_weights(), strict=True)]
    layer.set_weights(before)
    return found


def test_it_is_a_stretched_sigmoid_between_its_ends():
    wanted = np.clip(1.04 * SMOOTH - 0.02, 0, 1)
    assert wanted[[0, 1, -2, -1]].tolist() == [0.0, 0.0, 1.0, 1.0]
    assert ((wanted[2:-2] > 0) & (wanted[2:-2] < 1)).all()
    for found in (gates.closing_sigmoid(SUMS), gates.opened(ops.sigmoid(SUMS), True), closing_sigmoid(SUMS)):
        numbers = ops.convert_to_numpy(found)
        assert numbers == pytest.approx(wanted, abs=1e-6)
        # at its ends exactly
        assert numbers[[0, 1, -2, -1]].tolist() == [0.0, 0.0, 1.0, 1.0]
    assert np.array_equal(ops.convert_to_numpy(gates.opened(SUMS, False)), SUMS)


def test_a_closed_gate_keeps_the_slope_of_what_was_clipped():
    found = ops.convert_to_numpy(gates.slope(ops.sigmoid(SUMS), True))
    assert found == pytest.approx(1.04 * SMOOTH * (1 - SMOOTH), abs=1e-6)
    assert found[1] > 0.01


@pytest.mark.parametrize("kind", [JK, SR, Toggle])
def test_a_step_a_loop_and_blocks_of_steps_answer_and_learn_alike(kind, rng):
    x = rng.normal(size=(5, 7, 3)).astype(np.float32)
    loop, unseen = made(kind, rng), made(kind, rng, recurrent_gates=False)
    pairs = [
        (loop, made(kind, rng, unroll=True)),
        (unseen, made(kind, rng, unroll=True, recurrent_gates=False)),
        (unseen, made(kind, rng, implementation="parallel", recurrent_gates=False)),
    ]
    for one, other in pairs:
        other.set_weights(one.get_weights())
        assert ops.convert_to_numpy(other(x)) == pytest.approx(ops.convert_to_numpy(one(x)), abs=2e-6)
        for by_one, by_other in zip(slopes(one, x), slopes(other, x), strict=True):
            assert by_other == pytest.approx(by_one, abs=2e-6)
            assert np.abs(by_one).max() > 1e-4


@pytest.mark.parametrize("closing", [False, True])
def test_a_state_stays_exactly_what_it_is_where_gates_are_small(closing):
    """Gates of 1/200: behind a sigmoid a state has moved after a thousand steps, behind closed gates not by one bit."""
    layer = JK(4, bias_initializer=HoldBias(100.0, 100.0), kernel_initializer="zeros", closing=closing,
               recurrent_initializer="zeros")  # fmt: skip
    first = np.array([[0.0, 0.3, 0.7, 1.0]], np.float32)
    last = ops.convert_to_numpy(layer(np.zeros((1, 1000, 1), np.float32), initial_state=first))
    assert np.array_equal(last, first) == closing
    assert closing or np.abs(last - first).max() > 0.1


@pytest.mark.parametrize("kind", [JK, SR, Toggle])
def test_a_saved_model_is_read_as_it_is(kind, rng, tmp_path):
    model = keras.Sequential([
        keras.Input((None, 3)),
        kind(4, closing=True, centered=True, return_sequences=True),
        keras.layers.Bidirectional(kind(3, closing=True)),
        keras.layers.Dense(2),
    ])  # fmt: skip
    for weight in model.trainable_variables:
        weight.assign(rng.normal(0, 2.0, weight.shape))
    model.save(tmp_path / "m.keras")
    x = rng.normal(size=(6, 5, 3))
    wanted = model.predict(x, verbose=0)
    assert keras.models.load_model(tmp_path / "m.keras").predict(x, verbose=0) == pytest.approx(wanted, abs=1e-6)
    network = read_model(tmp_path / "m.keras")
    assert floatnet.predict(network, x) == pytest.approx(wanted, abs=2e-5)
    integers = quantize(network, x, widths=Widths(14))
    both = next(layer for layer in integers.layers if isinstance(layer, BidirectionalLayer))
    assert integers.layers[0].closing
    assert both.ahead.closing
    assert both.back.closing
    values = integers.decode(golden.run(integers, integers.encode(x)).outputs)
    assert values.reshape(wanted.shape) == pytest.approx(wanted, abs=0.05)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match=r"^closing must be True or False, not 1$"):
        JK(3, closing=1)
    with pytest.raises(ValueError, match=r"^implementation='fused' needs recurrent_gates, and takes no .* nor closing"):
        JK(3, closing=True, implementation="fused")
    with pytest.raises(InputError, match=r"^--closing-gates is for jk, sr, toggle; lstm has none that close$"):
        RecurrentOptions("lstm", closing=True)

"""Keras' own recurrent layers, and the continuous-time one, read as they are, and quantized."""

from __future__ import annotations

import numpy as np
import pytest

from ffhw.errors import InputError
from ffhw.model import floatnet, golden
from ffhw.model.quantize import quantize
from ffhw.numbers.scales import Widths
from ffhw.reading.keras_model import read_model

LAYERS = {
    "rnn": lambda keras, **o: keras.layers.SimpleRNN(5, **o),
    "lstm": lambda keras, **o: keras.layers.LSTM(5, **o),
    "lstm-plain-bias": lambda keras, **o: keras.layers.LSTM(5, unit_forget_bias=False, **o),
    "gru": lambda keras, **o: keras.layers.GRU(5, **o),
    "gru-reset-before": lambda keras, **o: keras.layers.GRU(5, reset_after=False, **o),
}


def saved(layers, path, rng, inputs=3):
    import keras

    model = keras.Sequential([keras.Input((None, inputs)), *layers])
    for weight in model.trainable_variables:
        weight.assign(rng.normal(0, 0.7, weight.shape))
    model.save(path)
    return model


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("name", LAYERS)
def test_the_layer_is_read_as_it_is(name, use_bias, tmp_path, rng):
    import keras

    first = LAYERS[name](keras, return_sequences=True, use_bias=use_bias)
    second = LAYERS[name](keras, return_sequences=use_bias)
    model = saved([first, second, keras.layers.Dense(2)], tmp_path / "m.keras", rng)
    x = rng.normal(size=(4, 9, 3))
    given = floatnet.predict(read_model(tmp_path / "m.keras"), x)
    assert given == pytest.approx(model.predict(x, verbose=0), abs=1e-5)


@pytest.mark.parametrize(
    "name", ["JKCell", "SRCell", "ToggleCell", "CTRNNCell", "SimpleRNNCell", "GRUCell", "LSTMCell"]
)
def test_a_loop_over_a_cell_is_its_layer(name, tmp_path, rng):
    import keras

    from ffhw.training import layers

    cell = (getattr(layers, name) if name in layers.__all__ else getattr(keras.layers, name))(4)
    model = saved([keras.layers.RNN(cell, return_sequences=True, name="loop")], tmp_path / "m.keras", rng)
    network, x = read_model(tmp_path / "m.keras"), rng.normal(size=(4, 9, 3))
    assert [layer.name for layer in network.layers] == ["loop"]
    assert floatnet.predict(network, x) == pytest.approx(model.predict(x, verbose=0), abs=1e-5)


def test_a_loop_over_a_cell_in_both_directions(tmp_path, rng):
    import keras

    loop = keras.layers.RNN(keras.layers.GRUCell(4, reset_after=False), return_sequences=True)
    model = saved([keras.layers.Bidirectional(loop)], tmp_path / "m.keras", rng)
    network, x = read_model(tmp_path / "m.keras"), rng.normal(size=(4, 9, 3))
    assert floatnet.predict(network, x) == pytest.approx(model.predict(x, verbose=0), abs=1e-5)


def test_a_cell_of_another_type_than_its_loop_is_refused(tmp_path, rng):
    import keras

    saved([keras.layers.RNN(keras.layers.LSTMCell(4, dtype="float16"), name="loop")], tmp_path / "m.keras", rng)
    with pytest.raises(InputError, match=r"^layer 'loop': .*float16"):
        read_model(tmp_path / "m.keras")


def test_a_loop_over_other_cells_is_refused(tmp_path, rng):
    import keras

    cells = [keras.layers.GRUCell(4), keras.layers.LSTMCell(5)]
    saved([keras.layers.RNN(cells, name="loop")], tmp_path / "m.keras", rng)
    with pytest.raises(
        InputError, match=r"^layer 'loop': RNN\(StackedRNNCells\) is not supported: give a layer that has"
    ):
        read_model(tmp_path / "m.keras")


@pytest.mark.parametrize(("reset_after", "kind"), [(True, "gru"), (False, "gru_reset_before")])
def test_a_gru_is_of_the_kind_that_its_option_asks_for(reset_after, kind, tmp_path, rng):
    import keras

    saved([keras.layers.GRU(4, reset_after=reset_after)], tmp_path / "m.keras", rng)
    (layer,) = read_model(tmp_path / "m.keras").layers
    assert layer.kind == kind


def test_ctrnn_is_read_as_it_is(tmp_path, rng):
    from ffhw.training.layers.ctrnn import CTRNN

    model = saved([CTRNN(5, tau_ms=40.0, dt_ms=10.0, return_sequences=True)], tmp_path / "m.keras", rng)
    x = rng.normal(size=(4, 9, 3))
    network = read_model(tmp_path / "m.keras")
    assert floatnet.predict(network, x) == pytest.approx(model.predict(x, verbose=0), abs=1e-5)
    with pytest.raises(InputError, match=r"alpha = dt / tau = 0.25 is less than half a code of 1 bits"):
        quantize(network, x, widths=Widths(1))


@pytest.mark.parametrize("name", LAYERS)
def test_twelve_bits_are_close_to_floats_and_eight_not_far(name, tmp_path, rng):
    import keras

    saved([LAYERS[name](keras, return_sequences=True)], tmp_path / "m.keras", rng)
    network = read_model(tmp_path / "m.keras")
    x = rng.normal(size=(6, 30, 3))
    exact = floatnet.predict(network, x)
    for bits, limit in ((12, 0.004), (8, 0.06)):
        small = quantize(network, x, widths=Widths(bits))
        error = small.decode(golden.run(small, small.encode(x)).outputs) - exact
        assert np.sqrt((error**2).mean()) < limit


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("GRU(4, reset_after=False, activation='relu')", "activation='relu' has no hardware; use 'tanh'"),
        ("LSTM(4, activation='relu')", "activation='relu' has no hardware; use 'tanh'"),
        ("LSTM(4, recurrent_activation='hard_sigmoid')", "recurrent_activation='hard_sigmoid' has no hardware"),
        ("SimpleRNN(4, activation='relu')", "activation='relu' has no hardware; use 'tanh'"),
        ("GRU(4, return_state=True)", ""),
    ],
)
def test_what_has_no_hardware_is_refused_by_option(layer, message, tmp_path, rng):
    import keras

    made = eval(f"keras.layers.{layer}", {"keras": keras})
    if not message:
        given = keras.Input((None, 3))
        keras.Model(given, made(given)[0]).save(tmp_path / "m.keras")
    else:
        saved([made], tmp_path / "m.keras", rng)
    with pytest.raises(InputError, match=message or "return_state=True has no hardware"):
        read_model(tmp_path / "m.keras")


def test_the_cell_state_has_bits_of_its_own_and_saturates(tmp_path, rng):
    import keras

    model = saved([keras.layers.LSTM(3, return_sequences=True)], tmp_path / "m.keras", rng)
    # an integrator: i = f = g = o = 1 adds 1 to c every step
    kernel, recurrent, _ = model.get_weights()
    model.set_weights([kernel * 0, recurrent * 0, np.full(12, 20.0)])
    model.save(tmp_path / "m.keras")
    network = quantize(read_model(tmp_path / "m.keras"), np.zeros((1, 4, 3)), widths=Widths(8, cell_bits=6))
    (layer,) = network.layers
    assert (layer.cell.bits, layer.state.bits) == (6, 8)
    trace = golden.run(network, np.zeros((1, 20, 3), int), trace=True).traces[layer.name]
    assert (np.diff(trace.c[0, :, 0]) >= 0).all()
    assert trace.c[0, -1, 0] == layer.cell.max

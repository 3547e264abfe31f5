"""Convolutional recurrent layers against sums by hand, and with all that ConvLSTM2D offers."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops

from ffhw.training.layers.conv_gru import ConvGRU2D
from ffhw.training.layers.conv_jk import ConvJK2D, ConvJK2DCell
from ffhw.training.layers.hold_bias import HoldBias


@pytest.fixture
def x(rng):
    return rng.normal(size=(3, 4, 6, 5, 2)).astype(np.float32)


def sigmoid(v):
    return 1 / (1 + np.exp(-v))


def convolve(x, kernel, strides=(1, 1), padding="valid", dilation=(1, 1)):
    """Maps ``[batch, rows, columns, C]`` with a kernel ``[kh, kw, C, F]``, sum by sum."""
    kh, kw = (d * (k - 1) + 1 for k, d in zip(kernel.shape[:2], dilation, strict=True))
    if padding == "same":
        pads = []
        for size, k, s in zip(x.shape[1:3], (kh, kw), strides, strict=True):
            total = max((-(-size // s) - 1) * s + k - size, 0)
            pads.append((total // 2, total - total // 2))
        x = np.pad(x, ((0, 0), *pads, (0, 0)))
    rows = range(0, x.shape[1] - kh + 1, strides[0])
    columns = range(0, x.shape[2] - kw + 1, strides[1])
    windows = [[x[:, r : r + kh : dilation[0], c : c + kw : dilation[1]] for c in columns] for r in rows]
    return np.einsum("rcbhwi,hwio->brco", np.array(windows), kernel)


def by_hand(layer, x, mask=None, **options):
    """All states of a ConvJK2D, from its weights."""
    kernel, recurrent, bias = (np.asarray(w, np.float64) for w in layer.get_weights())
    h, states = 0.0, []
    for step in range(x.shape[1]):
        sums = convolve(x[:, step].astype(np.float64), kernel, **options) + bias
        if step:
            sums = sums + convolve(h, recurrent, padding="same")
        j, k = np.split(sigmoid(sums), 2, axis=-1)
        new = j * (1 - h) + (1 - k) * h
        if mask is not None:
            new = np.where(mask[:, step, None, None, None], new, h)
        h = new
        states.append(h)
    return np.stack(states, axis=1)


def randomised(layer, x, rng):
    """The layer, built, with weights and biases that are all different."""
    layer(x)
    layer.set_weights([rng.normal(0, 0.4, w.shape) for w in layer.get_weights()])
    return layer


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"padding": "same"},
        {"strides": (2, 1)},
        {"strides": 2, "padding": "same"},
        {"padding": "same", "dilation_rate": (2, 1)},
    ],
    ids=str,
)
def test_against_sums_by_hand(x, rng, options):
    layer = randomised(ConvJK2D(3, (3, 2), return_sequences=True, **options), x, rng)
    pair = {k: (v, v) if isinstance(v, int) else v for k, v in options.items()}
    if "dilation_rate" in pair:
        pair["dilation"] = pair.pop("dilation_rate")
    answer = ops.convert_to_numpy(layer(x))
    assert answer == pytest.approx(by_hand(layer, x, **pair), abs=1e-5)
    assert layer.compute_output_shape(x.shape) == answer.shape


def test_channels_first_is_the_same_with_axes_moved(x, rng):
    last = randomised(ConvJK2D(3, 3, padding="same"), x, rng)
    first = ConvJK2D(3, 3, padding="same", data_format="channels_first")
    moved = np.moveaxis(x, -1, 2)
    assert first.compute_output_shape(moved.shape) == (3, 3, 6, 5)
    if keras.backend.backend() == "tensorflow":
        first.build(moved.shape)
        assert [w.shape for w in first.weights] == [w.shape for w in last.weights]
        return  # TensorFlow convolves channels_first on a GPU only
    first(moved)
    first.set_weights(last.get_weights())
    assert ops.convert_to_numpy(first(moved)) == pytest.approx(
        np.moveaxis(ops.convert_to_numpy(last(x)), -1, 1), abs=1e-5
    )


def test_masks_backwards_and_last_step(x, rng):
    layer = randomised(ConvJK2D(2, 3, padding="same", return_sequences=True), x, rng)
    mask = np.arange(4) < np.array([4, 2, 3])[:, None]
    states = by_hand(layer, x, mask, padding="same")
    assert ops.convert_to_numpy(layer(x, mask=mask)) == pytest.approx(states, abs=1e-5)
    back = ConvJK2D(2, 3, padding="same", go_backwards=True)
    back(x)
    back.set_weights(layer.get_weights())
    last = by_hand(layer, x[:, ::-1], padding="same")[:, -1]
    assert ops.convert_to_numpy(back(x)) == pytest.approx(last, abs=1e-5)


def test_return_state_goes_in_again(x, rng):
    layer = randomised(ConvJK2D(2, 3, padding="same", return_state=True), x, rng)
    _, middle = layer(x[:, :2])
    output, state = layer(x[:, 2:], initial_state=[middle])
    assert np.array_equal(output, state)
    assert ops.convert_to_numpy(output) == pytest.approx(by_hand(layer, x, padding="same")[:, -1], abs=1e-5)
    assert layer.compute_output_shape(x.shape) == ((3, 6, 5, 2), (3, 6, 5, 2))


def test_stateful_continues_until_it_is_reset(x, rng):
    inputs = keras.Input(batch_shape=(3, 2, 6, 5, 2))
    layer = ConvJK2D(2, 3, padding="same", stateful=True)
    model = keras.Model(inputs, layer(inputs))
    layer.set_weights([rng.normal(0, 0.4, w.shape) for w in layer.get_weights()])
    first, second = model(x[:, :2]), model(x[:, 2:])
    assert ops.convert_to_numpy(second) == pytest.approx(by_hand(layer, x, padding="same")[:, -1], abs=1e-5)
    layer.reset_state()
    assert np.array_equal(model(x[:, :2]), first)


@pytest.mark.parametrize("kind", [ConvJK2D, ConvGRU2D])
def test_both_directions_train_and_are_saved(x, tmp_path, kind):
    keras.utils.set_random_seed(1)
    inputs = keras.Input((None, 6, 5, 2))
    layer = keras.layers.Bidirectional(kind(3, 3, padding="same", return_sequences=True))
    model = keras.Model(inputs, layer(inputs))
    assert model.output_shape == (None, None, 6, 5, 6)
    model.compile("adam", "mse", jit_compile=False)
    target = np.full((3, 4, 6, 5, 6), 0.25, np.float32)
    losses = model.fit(x, target, epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    assert np.array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


def test_configuration_survives_the_round_trip():
    options = {
        "filters": 4,
        "kernel_size": (3, 5),
        "strides": (2, 1),
        "padding": "same",
        "data_format": "channels_first",
        "dilation_rate": (1, 1),
        "use_bias": False,
        "dropout": 0.1,
        "recurrent_dropout": 0.2,
        "seed": 3,
        "return_sequences": True,
        "go_backwards": True,
        "name": "maps",
    }
    layer = ConvJK2D(
        **options, bias_initializer=HoldBias(2.0, 8.0), kernel_regularizer="l2", bias_constraint="max_norm"
    )
    again = ConvJK2D.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert {name: layer.get_config()[name] for name in options} == options
    assert again.cell.bias_initializer.get_config() == {"shortest": 2.0, "longest": 8.0, "gates": 2}
    cell = ConvJK2DCell(3, 2, dropout=0.5)
    assert ConvJK2DCell.from_config(cell.get_config()).get_config() == cell.get_config()


def test_half_of_an_lstms_weights(x):
    sizes = []
    for kind in (ConvJK2D, keras.layers.ConvLSTM2D):
        layer = kind(7, 3)
        layer(x)
        sizes.append(layer.count_params())
    assert sizes[0] == 2 * 7 * (9 * (2 + 7) + 1)
    assert sizes[1] == 2 * sizes[0]


def test_a_bias_is_the_sum_of_the_two_that_hold():
    layer = ConvJK2D(5, 3, bias_initializer=HoldBias(1.0, 16.0))
    layer.build((None, 2, 4, 4, 1))
    bias = ops.convert_to_numpy(layer.cell.bias)
    assert 1 / (2 * sigmoid(bias[:5])) == pytest.approx([1, 2, 4, 8, 16], rel=1e-5)
    assert np.array_equal(bias[:5], bias[5:])


def test_dropout_is_one_mask_for_all_steps_and_for_training_only(x):
    layer = ConvJK2D(2, 3, dropout=0.5, recurrent_dropout=0.5, seed=1)
    assert np.array_equal(layer(x, training=False), layer(x, training=False))
    assert not np.allclose(layer(x, training=True), layer(x, training=False))
    # without memory, a step's answer depends on its input alone: the same input, the same mask, the same answer
    layer = ConvJK2D(2, 1, dropout=0.5, return_sequences=True, recurrent_initializer="zeros", seed=1)
    still = np.repeat(x[:, :1], 4, axis=1)
    layer(still)
    layer.cell.bias.assign(np.zeros(4))
    kernel = np.zeros((1, 1, 2, 4), np.float32)
    kernel[..., :2], kernel[..., 2:] = 1.0, -1.0  # K = 1 - J: the new state is J
    layer.cell.kernel.assign(kernel)
    states = ops.convert_to_numpy(layer(still, training=True))
    assert states == pytest.approx(np.repeat(states[:, :1], 4, axis=1), abs=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"filters": 0}, r"^filters must be a positive integer, not 0$"),
        ({"kernel_size": (3, 3, 3)}, r"^kernel_size must be one or two positive integers, not \(3, 3, 3\)$"),
        ({"strides": 0}, r"^strides must be one or two positive integers, not 0$"),
        ({"padding": "causal"}, r"^padding must be 'valid' or 'same', not 'causal'$"),
        ({"data_format": "last"}, r"^data_format must be 'channels_last' or 'channels_first', not 'last'$"),
        ({"strides": 2, "dilation_rate": 2}, r"^strides \(2, 2\) and dilation_rate \(2, 2\) cannot both be above 1$"),
        ({"dropout": 1.0}, r"^dropout must be at least 0 and below 1, not 1\.0$"),
    ],
)
def test_bad_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        ConvJK2D(**{"filters": 2, "kernel_size": 3, **options})


def test_maps_of_unknown_size_are_refused():
    with pytest.raises(ValueError, match=r"^ConvJK2DCell needs a known size of its maps, not \(None, None, 4, 1\)$"):
        ConvJK2D(2, 3).build((None, 3, None, 4, 1))

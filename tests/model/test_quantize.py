from __future__ import annotations

import io

import numpy as np
import pytest

from ffhw.arrays import parse_arrays
from ffhw.errors import InputError
from ffhw.model import floatnet, golden
from ffhw.model.compare import compare
from ffhw.model.data import Data
from ffhw.model.network import Network
from ffhw.model.quantize import quantize
from ffhw.numbers.formats import Fixed, Index, Unorm
from ffhw.numbers.scales import Widths, choose_frac
from ffhw.reading.keras_model import read_model


@pytest.mark.parametrize(
    ("values", "bits", "frac"),
    [
        ([0.9], 8, 7),
        ([1.0], 8, 6),
        ([-1.0], 8, 7),
        ([0.99], 4, 2),
        ([3.9, -4.0], 8, 5),
        ([100.0], 8, 0),
        ([1000.0], 8, -3),
    ],
)
def test_range_is_the_finest_grid_without_saturation(values, bits, frac):
    assert choose_frac(values, bits, "range") == frac
    fmt, finer = Fixed(bits, frac), Fixed(bits, frac + 1)
    assert np.abs(fmt.dequantize(fmt.quantize(values)) - values).max() <= 0.5 / fmt.scale
    assert np.abs(finer.dequantize(finer.quantize(values)) - values).max() > 0.5 / finer.scale


def test_least_error_gives_up_an_outlier_to_resolve_the_rest(rng):
    values = np.append(rng.normal(0, 0.1, 10_000), 1.7)
    by_range, by_error = (choose_frac(values, 4, method) for method in ("range", "error"))
    assert by_error > by_range

    def error(frac):
        fmt = Fixed(4, frac)
        return np.square(fmt.dequantize(fmt.quantize(values)) - values).mean()

    assert error(by_error) == min(error(frac) for frac in range(by_range - 2, by_range + 8))


@pytest.mark.parametrize("values", [[0.0], [], [1e-300]])
def test_a_tensor_without_a_scale_gets_a_harmless_one(values):
    assert 0 < choose_frac(values, 8) <= 512


def test_choose_frac_refuses_other_methods():
    with pytest.raises(ValueError, match=r"^method must be one of error, range, percentile, not 'best'$"):
        choose_frac([1.0], 8, "best")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("bits", 0),
        ("bits", 17),
        ("weight_bits", 99),
        ("weight_bits", "unary"),
        ("state_bits", -1),
        ("state_bits", "binary"),
    ],
)
def test_widths_out_of_range(field, value):
    option = "--" + field.replace("_", "-")
    named = ", ternary or binary" if field == "weight_bits" else ""
    with pytest.raises(InputError, match=rf"^{option} must be from 1 to 16{named}, not {value!r}$"):
        Widths(**{field: value})


def test_each_override_sets_its_own_width(keras_models, rng):
    float_network = read_model(keras_models / "tracker.keras")
    widths = Widths(bits=7, weight_bits=5, state_bits=6, input_bits=9)
    jk, dense = quantize(float_network, rng.normal(size=(8, 10, 3)), widths=widths).layers
    assert (jk.weight_bits, jk.state, jk.input.bits) == (5, Unorm(6), 9)
    assert (dense.weight_bits, dense.output.bits) == (5, 7)


@pytest.mark.parametrize("model", ["classifier", "tracker", "stacked", "text"])
def test_more_bits_come_closer_to_the_float_network(keras_models, model, rng):
    float_network = read_model(keras_models / f"{model}.keras")
    if float_network.signature.tokens:
        x = rng.integers(0, 11, (16, 20, 1)).astype(float)
    else:
        x = rng.normal(size=(16, 20, float_network.input_size))
    exact = floatnet.forward(float_network, x)[-1]
    errors = []
    for bits in (4, 8, 12, 16):
        network = quantize(float_network, x, widths=Widths(bits), method="range")
        outputs = golden.run(network, network.encode(x)).outputs
        errors.append(np.abs(network.values(outputs).reshape(exact.shape) - exact).max())
    assert errors[1] < 0.12 * np.abs(exact).max()
    assert errors[2] < errors[1] / 4
    assert errors[3] < errors[2] / 4


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_weights_on_states_absorb_the_factor_of_their_format(bits, rng):
    """A weight times a code q / M of value 1 must be worth the weight: codes are worth 2^-frac * M / 2^b each."""
    from ffhw.layers.dense import FloatDense
    from ffhw.layers.jk import FloatJK
    from ffhw.model.floatnet import FloatNetwork

    wh, wd = rng.uniform(-1, 1, (2, 3, 3)), rng.uniform(-1, 1, (2, 3))
    jk = FloatJK("jk", rng.uniform(-1, 1, (2, 3, 2)), wh, np.zeros((2, 3)), return_sequences=True)
    network = FloatNetwork("n", (jk, FloatDense("dense", wd, np.zeros(2), "linear")))
    widths = Widths(bits=bits, weight_bits=12)
    first, second = quantize(network, rng.normal(size=(4, 9, 2)), widths=widths, method="range").layers
    top = 2**bits - 1
    for exact, codes, frac in ((wh, first.weights_h, first.frac_h), (wd, second.weights, second.frac)):
        worth = codes * 2.0**-frac * top / 2**bits
        assert np.abs(worth - exact).max() <= 0.5 * 2.0**-frac


def test_ragged_calibration_ignores_padding(keras_models, rng):
    float_network = read_model(keras_models / "classifier.keras")
    x = rng.uniform(-0.4, 0.4, (8, 10, 4))
    x[:, 5:] = 1000.0
    network = quantize(float_network, x, np.full(8, 5), method="range")
    assert network.input == Fixed(8, 8)


def test_tokens_are_counted_not_scaled(keras_models):
    float_network = read_model(keras_models / "text.keras")
    network = quantize(float_network, np.arange(11.0).reshape(1, 11, 1))
    assert network.input == Index(11)
    with pytest.raises(InputError, match=r"^tokens must be whole numbers from 0 to 10$"):
        quantize(float_network, np.full((1, 2, 1), 11.0))


def test_argmax_ends_in_a_class_number(keras_models, rng):
    float_network = read_model(keras_models / "classifier.keras")
    x = rng.normal(size=(50, 10, 4))
    network = quantize(float_network, x, argmax=True)
    outputs = golden.run(network, network.encode(x)).outputs
    exact = floatnet.predict(float_network, x).argmax(axis=-1)
    assert network.output == Index(3)
    assert (outputs[..., 0] == exact).mean() > 0.9


def test_comparison_reports_both_scores_and_their_difference(keras_models, rng):
    float_network = read_model(keras_models / "classifier.keras")
    x = rng.normal(size=(50, 10, 4))
    y = floatnet.predict(float_network, x).argmax(axis=-1)
    data = Data(x, np.full(50, 10), y)
    report = compare(float_network, quantize(float_network, x), data)
    assert report["float"] == {"accuracy": 1.0}
    assert 0.8 < report["quantized"]["accuracy"] <= 1.0
    assert 0 < report["rms_difference"] < report["max_difference"] < 8 * report["output_step"]
    assert sum(report["difference_histogram"]["counts"]) == 50 * 3


# --- what cannot move a result costs nothing -------------------------------------------------------------------------


def scaled_network(scale, bias=1.0):
    """A JK layer of 8 units, its recurrent weights and its biases scaled, and a readout."""
    from ffhw.layers.dense import FloatDense
    from ffhw.layers.jk import FloatJK
    from ffhw.model.floatnet import FloatNetwork

    rng = np.random.default_rng(1)
    jk = FloatJK(
        "jk", rng.normal(size=(2, 8, 3)), scale * rng.normal(size=(2, 8, 8)), bias * rng.normal(size=(2, 8)), False
    )
    return FloatNetwork("scaled", (jk, FloatDense("out", rng.normal(size=(2, 8)), np.zeros(2), "linear")))


def parts_of(network, foldings, most):
    """Products of factors of so many bits at most, of which the products of more than two bits are made."""
    from ffhw.hdl.plan.chain import plans

    wide = [product for plan in plans(network, foldings) for product in plan.products() if min(product[1:]) > 2]
    return sum(count * -(-a // most) * -(-b // most) for count, a, b in wide)


@pytest.mark.parametrize("bits", [4, 8, 16])
@pytest.mark.parametrize(
    ("scale", "bias"), [(1e-3, 1), (1e-6, 1), (1e-30, 1), (1e-300, 1), (0.0, 1), (1e-3, 1e9), (1, 1e30)]
)
def test_small_weights_and_large_biases_cost_nothing(scale, bias, bits, rng):
    from ffhw.hdl.plan.chain import fold
    from ffhw.hdl.plan.choose import needs
    from ffhw.hdl.plan.devices import LFE5U_85F, UP5K

    x = rng.normal(size=(16, 12, 3))
    plain = quantize(scaled_network(1.0), x, widths=Widths(bits))
    network = quantize(scaled_network(scale, bias), x, widths=Widths(bits))
    for device in (UP5K, LFE5U_85F):
        before, after = (parts_of(n, fold(n, 2, 1), device.family.multiplier_bits) for n in (plain, network))
        assert after <= before
        # at 16 bits operands are wider than a multiplier as they are: of a part of a few bits one more takes another
        before, after = (needs(n, fold(n, 2, 1), device)["multipliers"] for n in (plain, network))
        assert after <= before or bits == 16
    # a grid that resolves the weights as far as they matter, and a sum of more than one product
    assert network.layers[0].acc_width <= plain.layers[0].acc_width + 6
    exact = floatnet.predict(scaled_network(scale, bias), x)
    got = network.decode(golden.run(network, network.encode(x)).outputs)
    assert np.abs(got - exact).max() <= 3 * 2.0 ** -(bits - 3)


def test_a_bias_is_cut_only_where_no_result_changes(rng):
    """Every gate of the network with cut biases is that of the exact ones."""
    import dataclasses

    float_network = scaled_network(1.0, 30.0)
    x = rng.normal(size=(16, 12, 3))
    network = quantize(float_network, x, widths=Widths(6))
    layer, out = network.layers
    exact = np.floor(float_network.layers[0].bias * 2.0**layer.acc_frac + 0.5).astype(np.int64)
    assert (exact != layer.bias).any()
    uncut = dataclasses.replace(network, layers=(dataclasses.replace(layer, bias=exact), out))
    codes = rng.integers(network.input.min, network.input.max, (16, 40, 3), endpoint=True)
    one, two = (golden.run(n, codes, trace=True).traces["jk"] for n in (network, uncut))
    assert all(np.array_equal(one[name], two[name]) for name in "jkh")


@pytest.mark.parametrize("scale", [1e15, 1e-15, 1e-100])
def test_inputs_of_any_size(scale, rng):
    import dataclasses

    plain = scaled_network(1.0)
    jk, out = plain.layers
    moved = dataclasses.replace(plain, layers=(dataclasses.replace(jk, weights_x=jk.weights_x / scale), out))
    x = rng.normal(size=(16, 12, 3))
    network = quantize(moved, x * scale)
    assert network.layers[0].acc_width <= quantize(plain, x).layers[0].acc_width + 2
    got = network.decode(golden.run(network, network.encode(x * scale)).outputs)
    assert np.abs(got - floatnet.predict(plain, x)).max() < 0.1


# --- scales a channel, outliers ------------------------------------------------------------------------------------


def test_channels_of_different_size_keep_their_resolution(rng):
    """Inputs 1 : 0.001 and outputs 1000 : 1, in one format each: every channel still has most of its codes."""
    import dataclasses

    plain = scaled_network(1.0)
    jk, out = plain.layers
    sizes = np.array([1.0, 0.001, 30.0])
    big = np.array([1000.0, 1.0])
    moved = dataclasses.replace(
        plain,
        layers=(
            dataclasses.replace(jk, weights_x=jk.weights_x / sizes),
            dataclasses.replace(out, weights=out.weights * big[:, None]),
        ),
    )
    x = rng.normal(size=(64, 12, 3))
    network = quantize(moved, x * sizes)
    assert network.input_exponents[1] > network.input_exponents[0] > network.input_exponents[2] == 0
    assert network.output_exponents[0] == 0 < network.output_exponents[1]
    codes = network.encode(x * sizes)
    outputs = golden.run(network, codes).outputs
    for channel in range(3):
        assert len(np.unique(codes[..., channel])) > 60
    for channel in range(2):
        assert len(np.unique(outputs[..., channel])) > 30
    exact = floatnet.predict(moved, x * sizes)
    error = np.abs(network.decode(outputs) - exact).max(axis=0) / big
    assert (error < 0.1).all()
    assert np.abs((network.decode(outputs) - exact) / big).max() < 0.1
    # the same again from its file
    again = Network.from_arrays(parse_arrays(io.BytesIO(network.to_bytes()), "n"), "n")
    assert again.input_exponents == network.input_exponents
    assert np.array_equal(again.encode(x * sizes), codes)


def test_channels_of_one_size_share_a_scale(rng):
    x = rng.normal(size=(16, 12, 3)) * [1.0, 0.3, 0.9]
    network = quantize(scaled_network(1.0), x)
    assert network.input_exponents == network.output_exponents == ()


def test_percentile_is_not_moved_by_outliers(rng):
    x = rng.normal(size=(100, 20, 3))
    wild = x.copy()
    wild[3, 5, 1] = 500.0
    fracs = {
        method: [quantize(scaled_network(1.0), data, method=method).input.frac for data in (x, wild)]
        for method in ("range", "percentile")
    }
    assert fracs["percentile"][0] == fracs["percentile"][1]
    assert fracs["range"][0] > fracs["range"][1] + 4
    network = quantize(scaled_network(1.0), wild, method="percentile")
    assert network.saturates(wild)[3, 5].tolist() == [False, True, False]
    assert network.saturates(wild).sum() < 20


@pytest.mark.parametrize("scale", [1e-320, 1e-306, 1e6])
def test_data_of_denormal_or_huge_numbers(scale, rng):
    network = quantize(scaled_network(1.0), rng.normal(size=(4, 6, 3)) * scale)
    assert np.isfinite(network.input.scale)

"""Layers over maps, held against fully connected ones: a convolution is a matrix in which most weights are zero."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from map_networks import CELLS, PLACED, random_convolution, random_map_network, random_maps, window
from networks import random_codes

from ffhw.layers import KINDS
from ffhw.layers.base import NetworkError
from ffhw.layers.bidirectional import BidirectionalLayer
from ffhw.layers.maps import Window
from ffhw.model import golden
from ffhw.model.network import Network
from ffhw.numbers.formats import Fixed


def pixel_of(over, place, tap):
    """Number of the pixel that a tap sees at a place, None outside; by hand."""
    columns = over.places[1]
    row = (place // columns) * over.strides[0] + (tap // over.size[1]) * over.dilation[0] - over.before[0]
    column = (place % columns) * over.strides[1] + (tap % over.size[1]) * over.dilation[1] - over.before[1]
    inside = 0 <= row < over.rows and 0 <= column < over.columns
    return row * over.columns + column if inside else None


def unrolled(over, weights):
    """Weights ``[gates, F, taps * C]`` of a window as those of a fully connected layer."""
    gates, filters, _ = weights.shape
    shared = weights.reshape(gates, filters, over.taps, over.channels)
    full = np.zeros((gates, over.positions, filters, over.pixels, over.channels), np.int64)
    for place, tap in itertools.product(range(over.positions), range(over.taps)):
        pixel = pixel_of(over, place, tap)
        if pixel is not None:
            full[:, place, :, pixel] += shared[:, :, tap]
    return full.reshape(gates, over.positions * filters, over.elements)


@pytest.mark.parametrize("options", PLACED)
@pytest.mark.parametrize("kind", CELLS)
def test_a_cell_over_maps_is_a_fully_connected_one(kind, options, rng):
    over = window(5, 4, 2, **options)
    layer = random_maps(rng, kind, "maps", Fixed(4, 2), over, 3, 4)
    own = {field.name: getattr(layer, field.name) for field in dataclasses.fields(layer) if field.name != "window"}
    own["weights_x"] = unrolled(over, layer.weights_x)
    own["weights_h"] = unrolled(over.over(3), layer.weights_h)
    full = KINDS[kind.removeprefix("conv_")][1](**own)
    codes, lengths = golden.pad(random_codes(Network("maps", (layer,)), rng, [6, 1, 4]))
    found, expected = (golden.run(Network("n", (each,)), codes, lengths, trace=True) for each in (layer, full))
    assert np.array_equal(found.outputs, expected.outputs)
    assert np.array_equal(found.states["maps"], expected.states["maps"])
    for signal, trace in expected.traces["maps"].items():
        assert np.array_equal(found.traces["maps"][signal], trace)
    assert len(np.unique(found.outputs)) > 3, "states that do not move show nothing"
    # shared weights bound what an accumulator can reach where a window sees no zeros
    assert layer.acc_bound >= full.acc_bound


@pytest.mark.parametrize("activation", ["linear", "relu", "sigmoid"])
@pytest.mark.parametrize(("steps", "lead"), [(1, 0), (3, 1), (3, 2), (2, 0), (4, 1)])
def test_a_convolution_over_time_is_sums_by_hand(steps, lead, activation, rng):
    over = window(4, 3, 2, size=(2, 3))
    layer = random_convolution(rng, "maps", Fixed(4, 2), over, 3, 4, steps, lead, activation)
    codes, lengths = golden.pad(random_codes(Network("n", (layer,)), rng, [5, 1, 2]))
    outputs = golden.run(Network("n", (layer,)), codes, lengths).outputs
    parts = np.split(layer.weights[None], steps, axis=2)
    for sequence, length, given in zip(codes, lengths, outputs, strict=True):
        for t in range(length):
            acc = [0] * layer.units
            for tap in range(steps):
                when = t + tap - lead
                if 0 <= when < length:
                    product = unrolled(over, parts[tap])[0] @ sequence[when]
                    acc = acc + (product << layer.shift_x) + layer.bias[tap]
            assert np.array_equal(given[t], layer.activate(acc))
    assert len(np.unique(outputs)) > 3


def test_pooling_takes_the_largest_code_of_each_window(rng):
    network = random_map_network(1, "p", rows=5, columns=6, channels=2)
    x = rng.integers(network.input.min, network.input.max, (2, 3, 5, 6, 2), endpoint=True)
    outputs = golden.run(network, x.reshape(2, 3, -1)).outputs.reshape(2, 3, 2, 3, 2)
    for row, column in itertools.product(range(2), range(3)):
        seen = x[:, :, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        assert np.array_equal(outputs[:, :, row, column], seen.max(axis=(2, 3)))


def test_both_directions_stand_side_by_side_at_each_place(rng):
    over = window(5, 4, 2)
    pair = (random_maps(rng, "conv_jk", name, Fixed(4, 2), over, 2, 4) for name in ("ahead", "back"))
    layer = BidirectionalLayer("both", "concat", 64, *pair)
    network = Network("both", (layer,))
    codes = np.stack(random_codes(network, rng, [4, 4]))
    both = golden.run(network, codes).outputs.reshape(2, 4, 20, 4)
    zero = np.zeros((2, layer.ahead.state_size), np.int64)
    ahead = layer.ahead.run(codes, np.full(2, 4), zero, trace=False).outputs
    back = layer.back.run(codes[:, ::-1], np.full(2, 4), zero, trace=False).outputs[:, ::-1]
    assert np.array_equal(both[..., :2], ahead.reshape(2, 4, 20, 2))
    assert np.array_equal(both[..., 2:], back.reshape(2, 4, 20, 2))


@pytest.mark.parametrize("kinds", ["rcb", "lpd", "cr"])
@pytest.mark.parametrize("cell", CELLS)
def test_a_network_over_maps_is_stored_and_comes_back(kinds, cell, tmp_path, rng):
    network = random_map_network(3, kinds, cell)
    network.save(tmp_path / "network.npz")
    again = Network.load(tmp_path / "network.npz")
    assert again.to_bytes() == network.to_bytes()
    codes = np.stack(random_codes(network, rng, [5]))
    assert np.array_equal(golden.run(again, codes).outputs, golden.run(network, codes).outputs)


def test_a_batch_that_is_too_large_at_once_is_taken_in_parts(monkeypatch, rng):
    network = random_map_network(4, "rcb")
    codes = np.stack(random_codes(network, rng, [3] * 7))
    expected = golden.run(network, codes).outputs
    monkeypatch.setattr("ffhw.layers.maps._AT_ONCE", 1)
    assert np.array_equal(golden.run(network, codes).outputs, expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": 0}, "layer 'x': rows must be a whole number from 1 to 4096, not 0"),
        ({"size": (0, 3)}, r"layer 'x': size must be two whole numbers from 1 to 1024, not \(0, 3\)"),
        ({"size": 3}, "layer 'x': size must be two whole numbers"),
        ({"strides": (1, 2, 3)}, "layer 'x': strides must be two whole numbers"),
        ({"before": (-1, 0)}, "layer 'x': before must be two whole numbers from 0"),
        ({"size": (9, 3)}, r"layer 'x': a window of \(9, 3\) is larger than maps of 5 x 4"),
        ({"rows": 4096, "columns": 4096}, "layer 'x': 2 maps of 4096 x 4096 are too large"),
        ({"rows": 128, "columns": 128, "size": (65, 65)}, "layer 'x': 2 maps of 128 x 128 are too large"),
    ],
)
def test_a_window_that_cannot_be_is_refused(change, message):
    with pytest.raises(NetworkError, match=message):
        dataclasses.replace(Window(5, 4, 2, (3, 3)), **change).check("layer 'x'")


def test_arrays_that_do_not_fit_the_window_are_refused(rng):
    layer = random_maps(rng, "conv_jk", "x", Fixed(4, 2), window(5, 4, 2), 3, 4)
    with pytest.raises(NetworkError, match="weights_x must be of 18 taps and channels"):
        dataclasses.replace(layer, weights_x=layer.weights_x[..., 1:])
    with pytest.raises(NetworkError, match="weights_h must be of 27 taps and maps"):
        dataclasses.replace(layer, weights_h=layer.weights_h[..., 1:])
    with pytest.raises(NetworkError, match="bias must have shape"):
        dataclasses.replace(layer, bias=layer.bias[:, 1:])
    convolution = random_convolution(rng, "x", Fixed(4, 2), window(5, 4, 2), 3, 4)
    with pytest.raises(NetworkError, match="weights must be of 54 steps, taps and channels"):
        dataclasses.replace(convolution, weights=convolution.weights[:, 1:])
    with pytest.raises(NetworkError, match="a window of 3 steps has no 3 before the present one"):
        dataclasses.replace(convolution, lead=3)
    with pytest.raises(NetworkError, match="activation must be one of linear, relu, sigmoid"):
        dataclasses.replace(convolution, activation="argmax")


def test_directions_of_different_maps_are_refused(rng):
    """Six units either way, but not in the same places."""
    shapes = (window(6, 6, 1, size=size, padding="valid") for size in ((6, 1), (1, 6)))
    pair = (random_maps(rng, "conv_jk", "x", Fixed(4, 2), over, 2, 4) for over in shapes)
    with pytest.raises(NetworkError, match="both directions must have the same maps"):
        BidirectionalLayer("both", "sum", 8, *pair)


def test_a_layer_with_more_biases_than_there_is_room_for_is_refused():
    with pytest.raises(NetworkError, match="layer 'x': 1024 numbers at each of 16777216 places are too many"):
        Window(4096, 4096, 1, (1, 1)).check_units("layer 'x'", 1024)

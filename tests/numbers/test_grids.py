from __future__ import annotations

import numpy as np
import pytest

from ffhw.errors import InputError
from ffhw.numbers.formats import Fixed
from ffhw.numbers.grids import read_weight_bits, stored_bits, weight_grid, weights_of
from ffhw.numbers.scales import Precision, Widths, choose_frac


@pytest.mark.parametrize("bits", [1, 2, 5, 16])
def test_weights_of_some_bits_are_twos_complement(bits, rng):
    grid, fmt = weight_grid(bits, 3), Fixed(bits, 3)
    values = rng.normal(0, 2.0 ** (bits - 4), 1000)
    assert np.array_equal(grid.quantize(values), fmt.quantize(values))
    assert (stored_bits(bits), weights_of(bits)) == (bits, f"{bits}-bit weights")


@pytest.mark.parametrize(
    ("name", "codes", "bits"),
    [("ternary", [-1, -1, 0, 0, 0, 1, 1, 1], 2), ("binary", [-1, -1, -1, 1, 1, 1, 1, 1], 1)],
)
def test_few_codes(name, codes, bits):
    """On a grid of quarters a ternary weight is 0 from -1/8 up to below 1/8; a binary one is its sign."""
    values = [-9.0, -0.126, -0.125, 0.0, 0.124, 0.125, 0.25, 9.0]
    assert weight_grid(name, 2).quantize(values).tolist() == codes
    assert weight_grid(name, 2).dequantize(codes).tolist() == [code / 4 for code in codes]
    assert (stored_bits(name), weights_of(name)) == (bits, f"{name} weights")


def test_what_lies_beyond_a_grid_counts_as_its_end():
    assert weight_grid(2, 1).clip([-9.0, -1.0, 0.3, 0.5, 9.0]).tolist() == [-1.0, -1.0, 0.3, 0.5, 0.5]
    assert weight_grid("binary", 0).clip([-9.0, 0.3, 9.0]).tolist() == [-1.0, 0.3, 1.0]


@pytest.mark.parametrize("name", ["ternary", "binary"])
@pytest.mark.parametrize("draw", ["normal", "uniform", "laplace"])
def test_the_scale_of_few_codes_is_the_best_power_of_two(name, draw, rng):
    for size, scale in ((9, 30.0), (400, 1e-3), (4000, 1.0)):
        values = getattr(rng, draw)(size=size) * scale
        values[0] *= 40  # one far out is left to saturate

        def error(frac, values=values):
            grid = weight_grid(name, frac)
            return np.square(grid.dequantize(grid.quantize(values)) - values).sum()

        assert choose_frac(values, name) == min(range(-20, 30), key=error)


def test_binary_weights_that_are_all_zero_are_as_small_as_can_matter():
    """There is no code for 0: eight of them together move what is read of their sum by half a step at most."""
    precision = Precision(Widths(4, weight_bits="binary"))
    codes, frac = precision.weights(np.zeros((3, 8)), Fixed(4, 3), 5)
    assert codes.all()
    assert 8 * 2.0**-frac <= 2.0**-5 / 2
    ternary = Precision(Widths(4, weight_bits="ternary")).weights(np.zeros((3, 8)), Fixed(4, 3), 5)
    assert not ternary[0].any()


@pytest.mark.parametrize(("text", "bits"), [(None, None), ("4", 4), ("ternary", "ternary"), ("-1", "-1"), ("²", "²")])
def test_widths_as_users_write_them(text, bits):
    assert read_weight_bits(text) == bits


def test_what_is_no_width_is_told():
    with pytest.raises(InputError, match=r"^--weight-bits must be from 1 to 16, ternary or binary, not '-1'$"):
        Widths(8, weight_bits=read_weight_bits("-1"))
    with pytest.raises(ValueError, match=r"^weight_bits must be from 1 to 16, ternary or binary, not 'octal'$"):
        weight_grid("octal")
    with pytest.raises(TypeError, match="weight_bits must be an integer, not \\[\\]"):
        weight_grid([])
    with pytest.raises(ValueError, match="values must be finite, found 1 that are not"):
        weight_grid("ternary").quantize([np.nan, 1.0])

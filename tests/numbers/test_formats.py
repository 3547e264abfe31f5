from __future__ import annotations

import numpy as np
import pytest

from ffhw.numbers.formats import Fixed, Index, Unorm, format_from_dict, signed_width


@pytest.mark.parametrize("bits", [1, 2, 8, 16])
def test_unorm_represents_zero_and_one_exactly(bits):
    fmt = Unorm(bits)
    assert fmt.quantize([0.0, 1.0]).tolist() == [0, 2**bits - 1]
    assert fmt.dequantize([0, 2**bits - 1]).tolist() == [0.0, 1.0]


@pytest.mark.parametrize("bits", [1, 3, 8])
def test_unorm_complement_is_bitwise_not(bits):
    fmt = Unorm(bits)
    codes = np.arange(fmt.max + 1)
    assert np.array_equal(fmt.quantize(1.0 - fmt.dequantize(codes)), ~codes & fmt.max)


@pytest.mark.parametrize(
    ("value", "code"),
    [(0.5, 1), (-0.5, 0), (1.5, 2), (-1.5, -1), (0.49, 0), (7.4, 7), (8.0, 7), (-8.0, -8), (-99.0, -8)],
)
def test_fixed_rounds_half_up_and_saturates(value, code):
    assert Fixed(4, 0).quantize(value) == code


def test_fixed_fraction_may_be_negative_or_exceed_the_width():
    assert Fixed(4, -2).quantize(12.0) == 3
    assert Fixed(4, 6).dequantize(7) == 7 / 64


def test_quantize_saturates_values_beyond_every_integer():
    assert Fixed(8, 0).quantize([1e300, -1e300]).tolist() == [127, -128]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_quantize_refuses_what_is_not_finite(bad):
    with pytest.raises(ValueError, match=r"^values must be finite, found 1 that are not$"):
        Fixed(8, 0).quantize([0.0, bad])


@pytest.mark.parametrize("bits", [0, 17, -3])
def test_width_out_of_range(bits):
    with pytest.raises(ValueError, match=rf"^Fixed bits must be from 1 to 16, not {bits}$"):
        Fixed(bits, 0)


@pytest.mark.parametrize("bits", [8.0, "8", True])
def test_width_of_wrong_type(bits):
    with pytest.raises(TypeError, match=r"^Unorm bits must be an integer, not "):
        Unorm(bits)


def test_check_refuses_codes_out_of_range():
    with pytest.raises(ValueError, match=r"^codes must be from 0 to 3 \(Unorm\(2\)\), found 0 to 4$"):
        Unorm(2).check([0, 4])
    with pytest.raises(TypeError, match=r"^codes must be integers, not float64$"):
        Unorm(2).check([0.0])


@pytest.mark.parametrize(("size", "bits"), [(1, 1), (2, 1), (3, 2), (9, 4), (256, 8), (257, 9)])
def test_index_is_as_wide_as_its_largest_number(size, bits):
    assert Index(size).bits == bits


@pytest.mark.parametrize("fmt", [Unorm(5), Fixed(7, -3), Index(66)])
def test_formats_survive_their_description(fmt):
    assert format_from_dict(fmt.to_dict()) == fmt


@pytest.mark.parametrize("description", [{}, {"format": "Float"}, {"format": "Unorm"}, {"format": "Unorm", "bits": 99}])
def test_bad_descriptions(description):
    with pytest.raises(ValueError, match=r"format|Unorm"):
        format_from_dict(description)


@pytest.mark.parametrize(
    ("low", "high", "width"), [(0, 0, 1), (-1, 0, 1), (0, 1, 2), (-128, 127, 8), (-129, 0, 9), (0, 128, 9)]
)
def test_signed_width(low, high, width):
    assert signed_width(low, high) == width

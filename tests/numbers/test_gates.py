from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from ffhw.numbers.gates import interpolate, weight


@pytest.mark.parametrize("bits", range(1, 7))
def test_interpolation_is_the_rounded_quotient_for_every_code(bits):
    codes = np.arange(1 << bits)
    gate, one, zero = np.ix_(codes, codes, codes)
    top = (1 << bits) - 1
    exact = (2 * (gate * one + (top - gate) * zero) + top) // (2 * top)
    assert np.array_equal(interpolate(gate, one, zero, bits), exact)


@pytest.mark.parametrize("bits", range(7, 17))
def test_wide_interpolation_is_the_rounded_quotient(bits, rng):
    top = (1 << bits) - 1
    gate, one, zero = (rng.choice([0, 1, top - 1, top, *rng.integers(0, top, 40)], 20_000) for _ in range(3))
    exact = (2 * (gate * one + (top - gate) * zero) + top) // (2 * top)
    assert np.array_equal(interpolate(gate, one, zero, bits), exact)
    assert np.array_equal(interpolate(np.full_like(gate, top), one, zero, bits), one)
    assert np.array_equal(interpolate(np.zeros_like(gate), one, zero, bits), zero)


@pytest.mark.parametrize("bits", range(1, 17))
def test_a_weight_is_exact_at_both_ends_and_close_between(bits):
    top = (1 << bits) - 1
    codes = np.unique(np.r_[0, 1, np.linspace(0, top, 500).astype(int), top])
    over = weight(codes, bits)
    assert over[0] == 0
    assert over[-1] == 1 << bits
    assert (np.diff(over) > 0).all()
    for code, numerator in zip(codes, over, strict=True):
        assert abs(Fraction(int(code), top) - Fraction(int(numerator), 1 << bits)) <= Fraction(1, 2 << bits)

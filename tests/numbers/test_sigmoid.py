from __future__ import annotations

import numpy as np
import pytest

from ffhw.numbers import sigmoid

WIDTHS = range(1, 17)


@pytest.mark.parametrize("bits", WIDTHS)
def test_table_complements_itself(bits):
    table = sigmoid.full_table(bits)
    index = np.arange(len(table)) - len(table) // 2
    assert np.array_equal(table[~index + len(table) // 2], 2**bits - 1 - table)


@pytest.mark.parametrize("bits", WIDTHS)
def test_table_rises_from_zero_to_the_largest_code(bits):
    table = sigmoid.full_table(bits)
    assert (np.diff(table) >= 0).all()
    assert table[0] <= 1
    assert table[-1] >= 2**bits - 2


@pytest.mark.parametrize("bits", WIDTHS)
def test_table_is_within_rounding_of_the_sigmoid_at_every_midpoint(bits):
    top, step = 2**bits - 1, 2.0 ** -sigmoid.index_frac(bits)
    index = np.arange(2 ** (bits + 1))
    exact = top / (1 + np.exp(-(index + 0.5) * step))
    assert np.abs(sigmoid.half_table(bits) - exact).max() <= 0.5


@pytest.mark.parametrize("bits", WIDTHS)
def test_no_entry_depends_on_the_last_digits_of_exp(bits):
    """Another machine's exp may differ in its last bit: no entry lies so close to a half that this would show."""
    top, step = 2**bits - 1, 2.0 ** -sigmoid.index_frac(bits)
    exact = top / (1 + np.exp(-(np.arange(2 ** (bits + 1)) + 0.5) * step))
    assert np.abs(exact % 1 - 0.5).min() > 1e-9


@pytest.mark.parametrize(("bits", "reach"), [(1, 8), (8, 8), (10, 8), (11, 16), (16, 16)])
def test_reach(bits, reach):
    assert 2 ** (sigmoid.index_bits(bits) - 1 - sigmoid.index_frac(bits)) == reach


def test_one_bit_table_is_the_sign():
    assert sigmoid.full_table(1).tolist() == [0, 0, 0, 0, 1, 1, 1, 1]

from __future__ import annotations

import numpy as np
import pytest

from ffhw.numbers.tables import ClosingSigmoid, Sigmoid, Tanh

WIDTHS = range(1, 17)
both = pytest.mark.parametrize(
    "table", [kind(bits) for kind in (Sigmoid, ClosingSigmoid, Tanh) for bits in WIDTHS], ids=str
)


def exact(table):
    """What the function is at the midpoint of every step from 0 up, in codes, not rounded."""
    v = (np.arange(2 ** (table.bits + 1)) + 0.5) * 2.0**-table.index_frac
    if isinstance(table, ClosingSigmoid):
        return (2**table.bits - 1) * np.minimum(1.04 / (1 + np.exp(-v)) - 0.02, 1.0)
    if isinstance(table, Sigmoid):
        return (2**table.bits - 1) / (1 + np.exp(-v))
    return 2.0 ** (table.bits - 1) * np.tanh(v)


@both
def test_table_mirrors_itself(table):
    full = table.full
    index = np.arange(len(full)) - len(full) // 2
    mirrored = full[~index + len(full) // 2]
    expected = 2**table.bits - 1 - full if isinstance(table, Sigmoid) else -full
    assert np.array_equal(mirrored, expected)


@both
def test_table_rises_from_end_to_end(table):
    full = table.full
    assert (np.diff(full) >= 0).all()
    ends = (
        (0, 2**table.bits - 1) if isinstance(table, Sigmoid) else (1 - 2 ** (table.bits - 1), 2 ** (table.bits - 1) - 1)
    )
    assert ends[0] <= full[0] <= ends[0] + 1
    assert ends[1] - 1 <= full[-1] <= ends[1]
    table.output.check(full)


@both
def test_table_is_within_rounding_of_the_function_at_every_midpoint(table):
    error = np.abs(table.half - exact(table))
    # of tanh, 1 itself is no code
    assert error[table.half < table.output.max].max(initial=0.0) <= 0.5
    assert error.max() <= 1.0


@both
def test_no_entry_depends_on_the_last_digits_of_the_function(table):
    """Another machine's exp may differ in its last bit: no entry lies so close to a half that this would show."""
    assert np.abs(exact(table) % 1 - 0.5).min() > 1e-9


@pytest.mark.parametrize(("bits", "reach"), [(1, 8), (8, 8), (10, 8), (11, 16), (16, 16)])
def test_reach(bits, reach):
    assert 2 ** (Sigmoid(bits).index_bits - 1 - Sigmoid(bits).index_frac) == reach
    assert 2 ** (Tanh(bits).index_bits - 1 - Tanh(bits).index_frac) == reach // 2


def test_one_bit_table_is_the_sign():
    assert Sigmoid(1).full.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]


def test_two_and_one_bit_tanh_by_hand():
    assert Tanh(2).full.tolist() == [-1, -1, -1, -1, -1, -1, -1, 0, 0, 1, 1, 1, 1, 1, 1, 1]
    assert Tanh(1).full.tolist() == [0] * 8


@pytest.mark.parametrize("bits", [1, 3, 8])
@pytest.mark.parametrize("kind", [Sigmoid, Tanh])
def test_look_up_floors_and_saturates(kind, bits):
    table = kind(bits)
    for acc in range(-(1 << (bits + 4)), 1 << (bits + 4), 3):
        index = min(max(acc // 4, -(1 << (bits + 1))), (1 << (bits + 1)) - 1)
        assert table.look_up(np.int64(acc), 2) == table.full[index + (1 << (bits + 1))]

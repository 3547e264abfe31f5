"""The sigmoid and its table: the one non-linear function of the cell, as golden model and hardware both look it up."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray


def sigmoid(v: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logistic function, without overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * v))


def index_bits(bits: int) -> int:
    """Width of the signed table index for a ``bits`` wide result."""
    return bits + 2


def index_frac(bits: int) -> int:
    """Fraction bits of the table index: it spans [-8, 8) up to 10 bits, [-16, 16) above.

    At 11 bits and more sigmoid(-8) is already over half a code, so that a table that ended there would never reach 0.
    """
    reach_log2 = 3 if bits <= 10 else 4
    return index_bits(bits) - 1 - reach_log2


@functools.cache
def half_table(bits: int) -> NDArray[np.int64]:
    """Codes of the indices 0, 1, ...: ``round(M * sigmoid((index + 1/2) * 2^-index_frac))``.

    The sample points are midpoints, hence ``table[~index] == M - table[index] == ~table[index]`` and this half is all
    that hardware stores.

    Returns
    -------
    int64 ``[2^(bits + 1)]``, ascending, each in ``[0, M]``; read-only.
    """
    top = (1 << bits) - 1
    index = np.arange(1 << (index_bits(bits) - 1), dtype=np.float64)
    exact = top / (1.0 + np.exp(-(index + 0.5) * 2.0 ** -index_frac(bits)))
    table = np.floor(exact + 0.5).astype(np.int64)
    table.setflags(write=False)
    return table


@functools.cache
def full_table(bits: int) -> NDArray[np.int64]:
    """Codes of all indices in ascending order, first the most negative; read-only ``[2^(bits + 2)]``."""
    half = half_table(bits)
    table = np.concatenate([((1 << bits) - 1) - half[::-1], half])
    table.setflags(write=False)
    return table


def gate(acc: NDArray[np.int64], shift: int, bits: int) -> NDArray[np.int64]:
    """Gate code of an accumulator: ``table[saturate(acc >> shift)]``, the shift rounding towards minus infinity."""
    half = 1 << (index_bits(bits) - 1)
    index = np.clip(acc >> shift, -half, half - 1)
    return full_table(bits)[index + half]

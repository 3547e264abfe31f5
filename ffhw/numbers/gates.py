"""What a gate code does to other numbers, in integers: it interpolates between two, or scales one.

A gate is a code G of ``Unorm(bits)``, G / M with M = 2^bits - 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def interpolate(gate: Ints, one: Ints, zero: Ints, bits: int) -> Ints:
    """``round((G one + (M - G) zero) / M)``, without a division.

    Parameters
    ----------
    gate, one, zero: codes of ``Unorm(bits)``, shapes that broadcast.

    Returns
    -------
    Codes of ``Unorm(bits)``: ``one`` itself where G is M, ``zero`` itself where G is 0.
    """
    top = (1 << bits) - 1
    # t = G * one + ~G * zero, at most M^2
    t = gate * one + (top - gate) * zero
    # round(t / M) = (u + floor(u / 2^b)) / 2^b with u = t + 2^(b-1): exact for 0 <= t <= M^2
    u = t + (1 << (bits - 1))
    return (u + (u >> bits)) >> bits


def weight(gate: Ints, bits: int) -> Ints:
    """Numerator of a gate over ``2^bits``: ``G + (G >> (bits - 1))``, from 0 to ``2^bits``.

    What a gate scales need no bounded range as interpolation does, so that the division must be by a power of two. The
    two ends stay exact, and no gate moves by more than ``2^-(bits + 1)``.
    """
    return gate + (gate >> (bits - 1))

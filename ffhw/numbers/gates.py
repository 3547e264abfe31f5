"""What a gate code does to other numbers, in integers: it interpolates between two, or scales one; and how both round.

A gate is a code G of ``Unorm(bits)``, G / M with M = 2^bits - 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ffhw.numbers.traced import traced

Ints = NDArray[np.int64]


def half_up(v: Ints, shift: int) -> Ints:
    """``floor(v / 2^shift + 1/2)``."""
    own = traced(v)
    if own is not None:
        return own.half_up(shift)  # type: ignore[no-any-return]
    return (v + ((1 << shift) >> 1)) >> shift


def interpolate(gate: Ints, one: Ints, zero: Ints, bits: int) -> Ints:
    """``round((G one + (M - G) zero) / M)``, without a division.

    Parameters
    ----------
    gate, one, zero: codes of ``Unorm(bits)``, shapes that broadcast.

    Returns
    -------
    Codes of ``Unorm(bits)``: ``one`` itself where G is M, ``zero`` itself where G is 0.
    """
    own = traced(gate, one, zero)
    if own is not None:
        return own.interpolated(gate, one, zero, bits)  # type: ignore[no-any-return]
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
    own = traced(gate)
    if own is not None:
        return own.weight(bits)  # type: ignore[no-any-return]
    return gate + (gate >> (bits - 1))

"""The non-linear functions and their tables, as golden model and hardware both look them up.

A table takes a signed index of ``bits + 2`` bits, floored and saturated from an accumulator, and is sampled at the
midpoints of the index's steps. Both functions are symmetric about zero, so that half of a table is all that is stored:

    sigmoid   table[~index] == ~table[index]       codes of Unorm(bits), 1 - v is the bitwise NOT; so the closing one
    tanh      table[~index] == -table[index]       codes of Fixed(bits, bits - 1), from -(2^(bits - 1) - 1) up
"""

from __future__ import annotations

import dataclasses
import functools
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ffhw.numbers.formats import Fixed, Unorm
from ffhw.numbers.traced import traced

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
# Codes of up to this many bits are resolved by the shorter reach: beyond it, the function is a code's half from its
# limit at most.
_NARROW = 10


# How far a closing gate is stretched past both of its ends.
STRETCH = 0.02


def sigmoid(v: Floats) -> Floats:
    """Logistic function, without overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * v))


def closing_sigmoid(v: Floats) -> Floats:
    """``clip((1 + 2 s) sigmoid(v) - s, 0, 1)``: 0 below v = -3.94, 1 above 3.94, so that what it gates stays as it is.

    A stretched and rectified sigmoid as in C. Louizos et al., "Learning sparse neural networks through L0
    regularization", 2018, eq. 11.
    """
    stretched = (1.0 + 2.0 * STRETCH) * sigmoid(v) - STRETCH
    # by its real part: a complex step must find the slope
    return np.where(stretched.real < 0.0, 0.0, np.where(stretched.real > 1.0, 1.0, stretched))


@dataclasses.dataclass(frozen=True)
class Table:
    """A function as codes of ``bits`` bits."""

    name: ClassVar[str]
    _reach_log2: ClassVar[int]  # the index of a narrow table spans [-2^reach, 2^reach), that of a wide one twice that

    bits: int

    @property
    def output(self) -> Unorm | Fixed:
        """Format of the codes."""
        raise NotImplementedError

    @property
    def index_bits(self) -> int:
        """Width of the signed index."""
        return self.bits + 2

    @property
    def index_frac(self) -> int:
        """Fraction bits of the index.

        At 11 bits and more, what lies beyond the narrow reach is still over half a code from the limit; a table that
        ended there would never get to it.
        """
        return self.index_bits - 1 - self._reach_log2 - (self.bits > _NARROW)

    @property
    def half(self) -> Ints:
        """Codes of the indices 0, 1, ..., int64 ``[2^(bits + 1)]``, ascending; read-only. All that hardware stores."""
        return _half(self)

    @property
    def full(self) -> Ints:
        """Codes of all indices in ascending order, int64 ``[2^(bits + 2)]``; read-only."""
        return _full(self)

    def sample(self, v: Floats) -> Floats:
        """Codes of ``v >= 0``, not rounded."""
        raise NotImplementedError

    def mirror(self, codes: Ints) -> Ints:
        """Codes of ``-v`` where ``codes`` are those of ``v``."""
        raise NotImplementedError

    def look_up(self, acc: Ints, shift: int) -> Ints:
        """Code of an accumulator: ``table[saturate(acc >> shift)]``, the shift rounding towards minus infinity."""
        own = traced(acc)
        if own is not None:
            return own.looked_up(self, shift)  # type: ignore[no-any-return]
        reach = 1 << (self.index_bits - 1)
        index = np.minimum(np.maximum(acc >> shift, -reach), reach - 1)
        index += reach
        return self.full[index]


class Sigmoid(Table):
    """``round(M * sigmoid((index + 1/2) * 2^-index_frac))``, over [-8, 8) up to 10 bits, [-16, 16) above."""

    name = "sigmoid"
    _reach_log2 = 3

    @property
    def output(self) -> Unorm:
        """Format of the codes."""
        return Unorm(self.bits)

    def sample(self, v: Floats) -> Floats:  # noqa: D102
        return self.output.max / (1.0 + np.exp(-v))

    def mirror(self, codes: Ints) -> Ints:  # noqa: D102
        return self.output.max - codes


class ClosingSigmoid(Sigmoid):
    """The same of :func:`closing_sigmoid`."""

    name = "closing_sigmoid"

    def sample(self, v: Floats) -> Floats:  # noqa: D102
        return self.output.max * closing_sigmoid(v)


class Tanh(Table):
    """``round(2^(bits - 1) * tanh((index + 1/2) * 2^-index_frac))``, over [-4, 4) up to 10 bits, [-8, 8) above.

    1 itself is no code: the largest one stands for it. One bit holds no positive number, so that all its codes are 0.
    """

    name = "tanh"
    _reach_log2 = 2

    @property
    def output(self) -> Fixed:
        """Format of the codes."""
        return Fixed(self.bits, self.bits - 1)

    def sample(self, v: Floats) -> Floats:  # noqa: D102
        return np.minimum(self.output.scale * np.tanh(v), self.output.max)

    def mirror(self, codes: Ints) -> Ints:  # noqa: D102
        return -codes


@functools.cache
def _half(table: Table) -> Ints:
    index = np.arange(1 << (table.index_bits - 1), dtype=np.float64)
    codes = np.floor(table.sample((index + 0.5) * 2.0**-table.index_frac) + 0.5).astype(np.int64)
    codes.setflags(write=False)
    return codes


@functools.cache
def _full(table: Table) -> Ints:
    codes = np.concatenate([table.mirror(table.half[::-1]), table.half])
    codes.setflags(write=False)
    return codes

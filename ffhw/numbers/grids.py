"""Grids of trained numbers: which codes there are, and what each of them is worth.

A weight is two's complement of some bits, or one of few codes that need no multiplier (a width by name):

    ternary    -1, 0, 1    two bits of memory; a product is -v, 0 or v
    binary     -1, 1       one bit of memory, the sign; a product is -v or v
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ffhw.numbers.formats import MAX_BITS, Fixed, finite

# Bits of a weight, or the name of its few codes.
WeightBits = int | str
# Bits of memory that a weight of each takes.
FEW = {"ternary": 2, "binary": 1}
WEIGHT_WIDTHS = f"from 1 to {MAX_BITS}, {' or '.join(FEW)}"


@dataclasses.dataclass(frozen=True)
class Grid:
    """Where the trained numbers of an array lie: on multiples of ``2^-frac``, as codes from ``low`` to ``high``.

    As :class:`Fixed`, but of any width: biases are as wide as an accumulator. zero: whether 0 is a code; if not, the
    codes are ``low`` and ``high``.
    """

    frac: int
    low: int
    high: int
    zero: bool = True

    def quantize(self, values: ArrayLike) -> NDArray[np.int64]:
        """Codes of real numbers: scaled, rounded half up, saturated; without 0 by their sign, that of 0 is ``high``.

        Raises
        ------
        ValueError: a value is not a finite number.
        """
        v = finite(values)
        if not self.zero:
            return np.where(v >= 0, self.high, self.low).astype(np.int64)
        return np.clip(np.floor(v * 2.0**self.frac + 0.5), self.low, self.high).astype(np.int64)

    @property
    def reach(self) -> tuple[float, float]:
        """From here, and to just below here, values saturate by no more than the half step that rounding costs."""
        return (self.low - 0.5) / 2.0**self.frac, (self.high + 0.5) / 2.0**self.frac

    def clip(self, values: ArrayLike) -> NDArray[np.float64]:
        """The values, those beyond the grid at its ends."""
        return np.clip(np.asarray(values, dtype=np.float64), self.low * 2.0**-self.frac, self.high * 2.0**-self.frac)

    def dequantize(self, codes: ArrayLike) -> NDArray[np.float64]:
        """Real values of codes."""
        return np.asarray(codes, dtype=np.float64) * 2.0**-self.frac


def weight_grid(bits: object, frac: int = 0) -> Grid:
    """Where weights of a width lie.

    Raises
    ------
    TypeError, ValueError: there is no such width.
    """
    if isinstance(bits, str):
        if bits not in FEW:
            raise ValueError(f"weight_bits must be {WEIGHT_WIDTHS}, not {bits!r}")
        return Grid(frac, -1, 1, zero=bits != "binary")
    try:
        weight = Fixed(bits, frac)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise type(error)(f"weight_{error}".replace("weight_Fixed bits", "weight_bits")) from None
    return Grid(frac, weight.min, weight.max)


def stored_bits(bits: WeightBits) -> int:
    """Bits of memory that a weight takes."""
    return FEW[bits] if isinstance(bits, str) else bits


def codes_of(bits: WeightBits) -> int:
    """How many codes a weight of a width has."""
    grid = weight_grid(bits)
    return grid.high - grid.low + 1 if grid.zero else 2


def weights_of(bits: WeightBits) -> str:
    """Weights of a width, in words."""
    return f"{bits} weights" if isinstance(bits, str) else f"{bits}-bit weights"


def read_weight_bits(text: str | None) -> Any:
    """A width as a user writes it: a number or a name; what is neither is found out where it is used."""
    return int(text) if text is not None and text.isascii() and text.isdigit() else text

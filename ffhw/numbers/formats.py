"""Number formats: what a code, an integer from the hardware's point of view, means.

Four formats cover every wire. A code is always a plain integer; a format gives its range, its value and the one way in
which real numbers become codes. Rounding is *half up*, ``floor(v + 1/2)``; values outside the range *saturate*.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

MAX_BITS = 16


def _check_bits(kind: str, bits: object) -> None:
    if isinstance(bits, bool) or not isinstance(bits, (int, np.integer)):
        raise TypeError(f"{kind} bits must be an integer, not {bits!r}")
    if not 1 <= bits <= MAX_BITS:
        raise ValueError(f"{kind} bits must be from 1 to {MAX_BITS}, not {bits!r}")


def finite(values: ArrayLike) -> NDArray[np.float64]:
    """The same values as doubles.

    Raises
    ------
    ValueError: a value is not a finite number.
    """
    v = np.asarray(values, dtype=np.float64)
    if not np.isfinite(v).all():
        raise ValueError(f"values must be finite, found {int((~np.isfinite(v)).sum())} that are not")
    return v


class _Format:
    """What the formats share: conversion through ``min``, ``max`` and ``scale`` (codes a unit of value)."""

    bits: int

    @property
    def min(self) -> int:
        """Smallest code."""
        raise NotImplementedError

    @property
    def max(self) -> int:
        """Largest code."""
        raise NotImplementedError

    @property
    def scale(self) -> float:
        """Codes a unit of value: ``value = code / scale``."""
        raise NotImplementedError

    @property
    def signed(self) -> bool:
        """Whether codes are two's complement."""
        return self.min < 0

    @property
    def magnitude(self) -> int:
        """Largest absolute code."""
        return max(-self.min, self.max)

    def quantize(self, values: ArrayLike) -> NDArray[np.int64]:
        """Codes of real ``values``: scaled, rounded half up, saturated.

        Parameters
        ----------
        values: real numbers, any shape.

        Returns
        -------
        int64 codes of the same shape, all within ``[min, max]``.

        Raises
        ------
        ValueError: a value is not a finite number.
        """
        # clip before the conversion: a float beyond int64 has no integer to become
        return np.clip(np.floor(finite(values) * self.scale + 0.5), self.min, self.max).astype(np.int64)

    def dequantize(self, codes: ArrayLike) -> NDArray[np.float64]:
        """Real values of ``codes``, exact where a double can hold them."""
        return np.asarray(codes, dtype=np.float64) / self.scale

    def check(self, codes: ArrayLike, what: str = "codes") -> NDArray[np.int64]:
        """``codes`` as int64 once every one of them is known to be representable.

        Raises
        ------
        TypeError: the array does not hold integers.
        ValueError: a code lies outside ``[min, max]``.
        """
        array = np.asarray(codes)
        if array.dtype.kind not in "iu":
            raise TypeError(f"{what} must be integers, not {array.dtype}")
        if array.size and (array.min() < self.min or array.max() > self.max):
            raise ValueError(
                f"{what} must be from {self.min} to {self.max} ({self}), found {array.min()} to {array.max()}"
            )
        return array.astype(np.int64)

    def to_dict(self) -> dict[str, Any]:
        """Plain description, the inverse of :func:`format_from_dict`."""
        return {"format": type(self).__name__, **dataclasses.asdict(self)}  # type: ignore[call-overload]


@dataclasses.dataclass(frozen=True)
class Unorm(_Format):
    """Unsigned code q in ``[0, M]``, ``M = 2^bits - 1``, value ``q / M``: exactly 0 and exactly 1 are codes.

    ``1 - v`` is the bitwise NOT of the code, as the Q-bar output is of a flip-flop's Q. Used for states, gates and
    every sigmoid output.
    """

    bits: int

    def __post_init__(self) -> None:
        _check_bits("Unorm", self.bits)

    @property
    def min(self) -> int:  # noqa: D102
        return 0

    @property
    def max(self) -> int:  # noqa: D102
        return (1 << self.bits) - 1

    @property
    def scale(self) -> float:  # noqa: D102
        return float(self.max)

    @property
    def frac(self) -> int:
        """Fraction bits a product with this code gains, once ``M / 2^bits`` is absorbed in the other factor."""
        return self.bits

    def __str__(self) -> str:
        return f"Unorm({self.bits})"


@dataclasses.dataclass(frozen=True)
class UnormSum(_Format):
    """Sum of two codes of ``Unorm(bits - 1)``: q in ``[0, 2 M]``, ``M = 2^(bits - 1) - 1``, value ``q / M``."""

    bits: int

    def __post_init__(self) -> None:
        _check_bits("UnormSum", self.bits)
        if self.bits == 1:
            raise ValueError("UnormSum bits must be at least 2: there is no Unorm of 0 bits")

    @property
    def min(self) -> int:  # noqa: D102
        return 0

    @property
    def max(self) -> int:  # noqa: D102
        return 2 * self.part.max

    @property
    def scale(self) -> float:  # noqa: D102
        return self.part.scale

    @property
    def frac(self) -> int:
        """As :attr:`Unorm.frac`."""
        return self.part.frac

    @property
    def part(self) -> Unorm:
        """Format of what is added."""
        return Unorm(self.bits - 1)

    def __str__(self) -> str:
        return f"UnormSum({self.bits})"


@dataclasses.dataclass(frozen=True)
class Fixed(_Format):
    """Two's complement code q, value ``q * 2^-frac``. ``frac`` may be negative or exceed ``bits``."""

    bits: int
    frac: int

    def __post_init__(self) -> None:
        _check_bits("Fixed", self.bits)
        if isinstance(self.frac, bool) or not isinstance(self.frac, (int, np.integer)):
            raise TypeError(f"Fixed frac must be an integer, not {self.frac!r}")

    @property
    def min(self) -> int:  # noqa: D102
        return -(1 << (self.bits - 1))

    @property
    def max(self) -> int:  # noqa: D102
        return (1 << (self.bits - 1)) - 1

    @property
    def scale(self) -> float:  # noqa: D102
        return 2.0**self.frac

    def __str__(self) -> str:
        return f"Fixed({self.bits}, frac={self.frac})"


def finer(fmt: Format, bits: int) -> Format:
    """The format with so many more fraction bits; itself where it has no scale of its own."""
    return dataclasses.replace(fmt, frac=fmt.frac + bits) if isinstance(fmt, Fixed) else fmt


@dataclasses.dataclass(frozen=True)
class Index(_Format):
    """Unsigned number of one of ``size`` things, a token or a class: it counts, it does not measure."""

    size: int

    def __post_init__(self) -> None:
        if isinstance(self.size, bool) or not isinstance(self.size, (int, np.integer)):
            raise TypeError(f"Index size must be an integer, not {self.size!r}")
        if not 1 <= self.size <= 1 << MAX_BITS:
            raise ValueError(f"Index size must be from 1 to {1 << MAX_BITS}, not {self.size!r}")

    @property
    def bits(self) -> int:  # type: ignore[override]
        """Width of the code on a wire."""
        return max(1, (self.size - 1).bit_length())

    @property
    def min(self) -> int:  # noqa: D102
        return 0

    @property
    def max(self) -> int:  # noqa: D102
        return self.size - 1

    @property
    def scale(self) -> float:  # noqa: D102
        return 1.0

    def __str__(self) -> str:
        return f"Index({self.size})"


Format = Unorm | UnormSum | Fixed | Index


def format_from_dict(description: dict[str, Any]) -> Format:
    """Format described by :meth:`to_dict`.

    Raises
    ------
    ValueError: the description names no format, or its numbers are out of range.
    """
    kinds = {"Unorm": Unorm, "UnormSum": UnormSum, "Fixed": Fixed, "Index": Index}
    fields = dict(description)
    name = fields.pop("format", None)
    if name not in kinds:
        raise ValueError(f"format must be one of {', '.join(kinds)}, not {name!r}")
    try:
        return kinds[name](**fields)  # type: ignore[no-any-return]
    except TypeError as error:
        raise ValueError(f"format {name} cannot take {fields!r}: {error}") from None


def signed_width(low: int, high: int) -> int:
    """Bits of the narrowest two's complement word that holds every integer from ``low`` to ``high``."""
    return max(high.bit_length(), (-low - 1).bit_length() if low < 0 else 0) + 1

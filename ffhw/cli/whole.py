"""Options that take several whole numbers."""

from __future__ import annotations

from ffhw.errors import InputError
from ffhw.numbers.formats import MAX_BITS
from ffhw.numbers.grids import FEW, WeightBits

# None of them is larger.
_MOST = 1 << 20


def whole_numbers(option: str, text: str, least: int, most: int = _MOST) -> tuple[int, ...]:
    """Numbers divided by commas, in the order in which they stand.

    Raises
    ------
    InputError: names the option, and the numbers that it takes.
    """
    try:
        numbers = tuple(int(part) for part in text.split(",")) if text else ()
    except ValueError:
        numbers = (least - 1,)
    if any(not least <= n <= most for n in numbers):
        raise InputError(f"{option} takes numbers from {least} to {most} divided by commas, not {text!r}")
    return numbers


def ranges(option: str, text: str, least: int, most: int = _MOST) -> tuple[int, ...]:
    """Numbers and ranges of numbers divided by commas, as in ``2-4,8``, each once and in order.

    Raises
    ------
    InputError: as above, or no number at all.
    """
    found: set[int] = set()
    for part in text.split(","):
        low, dash, high = part.strip().partition("-")
        ends = (low, high if dash else low)
        # digits only: int() takes underscores, signs and spaces as well
        if not all(end.isascii() and end.isdigit() and len(end) < 8 for end in ends):
            raise InputError(f"{option} takes numbers and ranges divided by commas, as in 2-4,8, not {text!r}")
        first, last = map(int, ends)
        if not least <= first <= last <= most:
            raise InputError(f"{option} takes numbers from {least} to {most}, ranges upwards, not {text!r}")
        found.update(range(first, last + 1))
    return tuple(sorted(found))


def bits_of(option: str, text: str) -> tuple[int, ...]:
    """Widths: as :func:`ranges`, of numbers that there is hardware for."""
    return ranges(option, text, 1, MAX_BITS)


def weight_widths(option: str, text: str) -> tuple[WeightBits, ...]:
    """Widths of weights: as :func:`ranges`, and those that have a name, behind the numbers.

    Raises
    ------
    InputError: as above.
    """
    parts = [part.strip() for part in text.split(",")]
    named = tuple(name for name in FEW if name in parts)
    numbers = [part for part in parts if part not in FEW]
    return (*(bits_of(option, ",".join(numbers)) if numbers else ()), *named)

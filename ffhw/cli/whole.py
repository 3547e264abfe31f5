"""Options that take several whole numbers."""

from __future__ import annotations

from ffhw.errors import InputError

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

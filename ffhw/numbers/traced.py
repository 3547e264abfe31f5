"""Numbers that stand in for codes: they bring roundings, tables and gates of their own.

The golden model's rules are written once, for arrays of integers. Training runs the very same rules on numbers that
hold the same integers and carry gradients besides; what such a number must answer stands here.
"""

from __future__ import annotations

from typing import Any


class Traced:
    """Stands in for an array of codes; has an array's arithmetic, slices and shifts as well."""

    def half_up(self, shift: int) -> Any:
        """See :func:`ffhw.numbers.gates.half_up`."""
        raise NotImplementedError

    def interpolated(self, gate: Any, one: Any, zero: Any, bits: int) -> Any:
        """See :func:`ffhw.numbers.gates.interpolate`; ``self`` is any of the three."""
        raise NotImplementedError

    def weight(self, bits: int) -> Any:
        """See :func:`ffhw.numbers.gates.weight`."""
        raise NotImplementedError

    def looked_up(self, table: Any, shift: int) -> Any:
        """See :meth:`ffhw.numbers.tables.Table.look_up`."""
        raise NotImplementedError


def traced(*numbers: Any) -> Traced | None:
    """The first of some numbers that stands in for codes; None if all are plain."""
    return next((number for number in numbers if isinstance(number, Traced)), None)

"""Pareto fronts: what cannot be better in one figure without being worse in another."""

from __future__ import annotations

from collections.abc import Sequence


def front(points: Sequence[Sequence[float]]) -> list[int]:
    """Places of the points that no other one beats; more is better in every figure. Of equal points, the first one."""
    first = {tuple(point): place for place, point in reversed(list(enumerate(points)))}
    return sorted(place for point, place in first.items() if not any(beats(other, point) for other in first))


def beats(one: Sequence[float], other: Sequence[float]) -> bool:
    """Nowhere less, and somewhere more."""
    return all(a >= b for a, b in zip(one, other, strict=True)) and tuple(one) != tuple(other)

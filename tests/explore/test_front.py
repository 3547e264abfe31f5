"""Fronts, against a definition written the other way round."""

from __future__ import annotations

import numpy as np
import pytest

from ffhw.explore.front import front


def test_by_hand():
    assert front([(1, 1), (2, 2), (3, 1), (1, 3), (2, 2), (0, 3)]) == [1, 2, 3]
    assert front([]) == []


@pytest.mark.parametrize("figures", [1, 2, 3])
def test_nothing_on_it_can_be_had_better_and_everything_else_can(rng, figures):
    for _ in range(50):
        points = rng.integers(0, 4, (12, figures))
        best = front(points.tolist())
        dominated = [
            any((points[j] >= p).all() and ((points[j] > p).any() or j < i) for j in range(12) if j != i)
            for i, p in enumerate(points)
        ]
        assert best == np.flatnonzero(~np.array(dominated)).tolist()

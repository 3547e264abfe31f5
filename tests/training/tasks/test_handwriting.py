from __future__ import annotations

import numpy as np
import pytest

from ffhw.training.tasks.handwriting import ALPHABET, offsets, one_hot, resampled


def test_points_at_equal_distances():
    points = resampled(np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 4.0]]), step=1.0)
    assert len(points) == 8
    assert points[0].tolist() == [0, 0]
    assert points[-1].tolist() == [3, 4]
    assert np.hypot(*np.diff(points, axis=0).T) == pytest.approx(np.ones(7))


def test_offsets_add_up_to_the_line_and_tell_where_the_pen_is_lifted():
    strokes = [np.array([[2.0, 1.0], [4.0, 1.0]]), np.array([[9.0, 5.0]])]
    line = offsets(strokes, step=1.0)
    assert (np.cumsum(line[:, :2], axis=0) + np.array([2, 1])).tolist() == [[2, 1], [3, 1], [4, 1], [9, 5]]
    assert line[:, 2].tolist() == [0, 0, 1, 1]


def test_texts():
    assert len(ALPHABET) == 54
    rows = one_hot("a?", 3)
    assert rows.shape == (3, 54)
    assert rows.argmax(axis=1).tolist() == [ALPHABET.index("a"), 0, 0]
    assert rows.sum(axis=1).tolist() == [1, 1, 0]

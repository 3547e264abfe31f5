from __future__ import annotations

import numpy as np
import pytest

from ffhw.errors import InputError
from ffhw.reading.data import fit_data, load_data


def test_npz_with_everything(tmp_path):
    np.savez(tmp_path / "d.npz", x=np.ones((2, 3, 4), np.float32), lengths=[3, 1], y=[0, 1])
    data = load_data(tmp_path / "d.npz")
    assert data.x.shape == (2, 3, 4)
    assert data.lengths.tolist() == [3, 1]
    assert data.y.tolist() == [0, 1]


def test_npy_is_x_alone_and_two_dimensions_are_one_sequence(tmp_path):
    np.save(tmp_path / "d.npy", np.ones((5, 4)))
    data = load_data(tmp_path / "d.npy")
    assert data.x.shape == (1, 5, 4)
    assert data.lengths.tolist() == [5]
    assert data.y is None


def test_a_masks_value_at_the_end_is_padding(tmp_path):
    x = np.ones((4, 5, 2))
    x[0, 3:] = 0
    x[1, 1] = 0  # a gap is no end
    x[2, :] = 0
    np.save(tmp_path / "d.npy", x)
    data = load_data(tmp_path / "d.npy")
    assert fit_data(data, 2, "d", mask_value=0.0).lengths.tolist() == [3, 5, 1, 5]
    assert fit_data(data, 2, "d").lengths.tolist() == [5, 5, 5, 5]


def test_given_lengths_win_over_a_mask(tmp_path):
    np.savez(tmp_path / "d.npz", x=np.zeros((2, 3, 2)), lengths=[3, 2])
    assert fit_data(load_data(tmp_path / "d.npz"), 2, "d", mask_value=0.0).lengths.tolist() == [3, 2]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": np.zeros(3)}, r"has arrays a: an array x \[batch, time, inputs\] is needed$"),
        ({"x": np.zeros((2, 3, 2)), "lengths": [1]}, r"lengths must be 2 integers, one a sequence$"),
        ({"x": np.zeros((2, 3, 2)), "lengths": [4, 1]}, r"lengths must be from 1 to 3, found 1 to 4$"),
        ({"x": np.zeros((2, 3, 2)), "y": [1]}, r"y has 1 entries for 2 sequences$"),
        ({"x": np.full((1, 1, 1), "a")}, r"x must hold numbers, not <U1$"),
        ({"x": np.array([{}], object)}, r"is not a NumPy file: save x with np\.save or np\.savez$"),
    ],
)
def test_bad_data(tmp_path, arrays, message):
    np.savez(tmp_path / "d.npz", **arrays)
    with pytest.raises(InputError, match=message):
        load_data(tmp_path / "d.npz")

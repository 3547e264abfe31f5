from __future__ import annotations

import numpy as np
import pytest

from ffhw.errors import InputError
from ffhw.layers.rhythm import Rhythm
from ffhw.model.data import Signature, fit_data
from ffhw.reading.data_file import load_data

VECTORS = Signature(inputs=2, outputs=3, head="values", rhythm=Rhythm(once=True))
MASKED = Signature(inputs=2, outputs=3, head="values", rhythm=Rhythm(once=True), mask_value=0.0)
TOKENS = Signature(inputs=1, outputs=3, head="softmax", rhythm=Rhythm(once=True), tokens=5, mask_value=0.0)


def test_npz_with_everything(tmp_path):
    np.savez(tmp_path / "d.npz", x=np.ones((2, 3, 2), np.float32), lengths=[3, 1], y=[0, 1])
    data = load_data(tmp_path / "d.npz", VECTORS)
    assert data.x.shape == (2, 3, 2)
    assert data.lengths.tolist() == [3, 1]
    assert data.y.tolist() == [0, 1]
    assert data.x[1, 1:].tolist() == [[0, 0], [0, 0]]  # past the end there is nothing


def test_npy_is_x_alone_and_two_dimensions_are_one_sequence(tmp_path):
    np.save(tmp_path / "d.npy", np.ones((5, 2)))
    data = load_data(tmp_path / "d.npy", VECTORS)
    assert data.x.shape == (1, 5, 2)
    assert data.lengths.tolist() == [5]
    assert data.y is None


def test_a_masks_value_at_the_end_is_padding():
    x = np.ones((3, 5, 2))
    x[0, 3:] = 0
    x[1, :, 0] = 0  # half a vector is none
    assert fit_data(x, None, None, MASKED, "d").lengths.tolist() == [3, 5, 5]
    assert fit_data(x, None, None, VECTORS, "d").lengths.tolist() == [5, 5, 5]


@pytest.mark.parametrize("lengths", [None, [5]])
def test_padding_in_mid_sequence_is_refused(lengths):
    x = np.ones((1, 5, 2))
    x[0, 1] = 0
    with pytest.raises(InputError, match=r"^d: step 1 of sequence 0 holds the mask value 0 only, but is not"):
        fit_data(x, lengths, None, MASKED, "d")
    assert fit_data(x, [1], None, MASKED, "d").lengths.tolist() == [1]
    assert fit_data(x, None, None, VECTORS, "d").lengths.tolist() == [5]


def test_a_sequence_of_padding_alone_is_refused():
    x = np.ones((2, 3, 2))
    x[1] = 0
    with pytest.raises(InputError, match=r"^d: sequence 1 is padding only, and hardware has no empty"):
        fit_data(x, None, None, MASKED, "d")


def test_tokens_come_as_keras_takes_them():
    tokens = np.array([[1, 2, 0], [4, 3, 2]])
    for x in (tokens, tokens[..., None], tokens.astype(float)):
        data = fit_data(x, None, None, TOKENS, "d")
        assert data.x.shape == (2, 3, 1)
        assert data.lengths.tolist() == [2, 3]
    assert fit_data(tokens[1], None, None, TOKENS, "d").x.shape == (1, 3, 1)
    # what lies past a sequence's end is no token
    assert fit_data(np.array([[1, -1]]), [1], None, TOKENS, "d").lengths.tolist() == [1]


@pytest.mark.parametrize("token", [5, -1, 0.5])
def test_tokens_out_of_range_are_refused(token):
    with pytest.raises(InputError, match=r"^d: tokens must be whole numbers from 0 to 4, found "):
        fit_data(np.array([[1, token]]), None, None, TOKENS, "d")


def test_numbers_past_the_end_may_be_anything():
    x = np.ones((1, 3, 2))
    x[0, 2] = np.nan
    assert fit_data(x, [2], None, VECTORS, "d").x[0, 2].tolist() == [0, 0]
    with pytest.raises(InputError, match=r"^d: 2 values of x are not finite numbers$"):
        fit_data(x, [3], None, VECTORS, "d")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": np.zeros(3)}, r"has arrays a: an array x is needed$"),
        ({"lengths": [1], "y": [1]}, r"has arrays lengths, y: an array x is needed$"),
        ({"x": np.zeros((2, 3, 2)), "lengths": [1]}, r"lengths must be 2 integers, one a sequence, not int64 of shape"),
        ({"x": np.zeros((2, 3, 2)), "lengths": [1.0, 2.0]}, r"lengths must be 2 integers, one a sequence, not float64"),
        ({"x": np.zeros((2, 3, 2)), "lengths": [4, 1]}, r"lengths must be from 1 to 3, found 1 to 4$"),
        ({"x": np.zeros((2, 3, 2)), "lengths": [0, 1]}, r"lengths must be from 1 to 3, found 0 to 1$"),
        ({"x": np.zeros((2, 3, 2)), "y": [1]}, r"y has 1 entries for 2 sequences$"),
        ({"x": np.zeros((2, 3, 2)), "y": 1}, r"y has no entries for 2 sequences$"),
        ({"x": np.zeros((2, 3, 4))}, r"x has 4 values a step, the model takes 2$"),
        ({"x": 3.0}, r"x must have shape \[batch, time, 2\], each at least 1, not \[\]$"),
        ({"x": np.zeros((0, 3, 2))}, r"x must have shape \[batch, time, 2\], each at least 1, not \[0, 3, 2\]$"),
        ({"x": np.full((1, 1, 1), "a")}, r"x must hold numbers, not <U1$"),
        ({"x": np.ones((1, 1, 2), complex)}, r"x must hold numbers, not complex128$"),
        (
            {"x": np.array([{}], object)},
            r"holds Python objects, as an array of sequences of different lengths does",
        ),
    ],
)
def test_bad_data(tmp_path, arrays, message):
    np.savez(tmp_path / "d.npz", **arrays)
    with pytest.raises(InputError, match=message):
        load_data(tmp_path / "d.npz", VECTORS)


@pytest.mark.parametrize("value", [0.1, -999.9, 16777217.0])
def test_a_mask_value_is_compared_in_single_precision(value):
    """As Keras does; 0.1 in single and in double precision are two numbers."""
    import dataclasses

    x = np.ones((2, 5, 2), np.float32)
    x[0, 3:] = value
    masked = dataclasses.replace(MASKED, mask_value=value)
    assert fit_data(x, None, None, masked, "d").lengths.tolist() == [3, 5]
    assert fit_data(x.astype(np.float64), None, None, masked, "d").lengths.tolist() == [3, 5]

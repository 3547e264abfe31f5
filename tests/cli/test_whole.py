"""Options that take several whole numbers."""

from __future__ import annotations

import pytest

from ffhw.cli.whole import ranges, weight_widths, whole_numbers
from ffhw.errors import InputError


def test_ranges():
    assert ranges("--bits", "2-4,8", 1, 16) == (2, 3, 4, 8)
    assert ranges("--bits", "8, 2-4 ,3", 1, 16) == (2, 3, 4, 8)
    assert ranges("--bits", "5-5", 1, 16) == (5,)


def test_widths_of_weights_have_names_too():
    assert weight_widths("--weight-bits", "binary, 3-4,ternary") == (3, 4, "ternary", "binary")
    assert weight_widths("--weight-bits", "ternary") == ("ternary",)
    with pytest.raises(InputError, match=r"^--weight-bits takes numbers and ranges .*, not 'unary'$"):
        weight_widths("--weight-bits", "unary,binary")


@pytest.mark.parametrize("text", ["", ",", "x", "2-", "-2", "2--3", "1_0", "+3", "٣", "2-3-4", "1e1", "99999999"])
def test_what_is_no_range_is_refused(text):
    with pytest.raises(InputError, match=r"^--bits takes numbers and ranges divided by commas, as in 2-4,8, not "):
        ranges("--bits", text, 1, 16)


@pytest.mark.parametrize("text", ["0", "17", "5-3", "1-17", "3,0-2"])
def test_ranges_have_ends(text):
    with pytest.raises(InputError, match=r"^--bits takes numbers from 1 to 16, ranges upwards, not "):
        ranges("--bits", text, 1, 16)


def test_numbers_keep_their_order():
    assert whole_numbers("--lanes", "8,1,8", 1) == (8, 1, 8)
    with pytest.raises(InputError, match=r"^--lanes takes numbers from 1 to 1048576 divided by commas, not '8,0'$"):
        whole_numbers("--lanes", "8,0", 1)

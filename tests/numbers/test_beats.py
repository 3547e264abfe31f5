from __future__ import annotations

import numpy as np
import pytest

from ffhw.numbers.beats import Packing
from ffhw.numbers.formats import Fixed, Index, Unorm


@pytest.mark.parametrize(
    "fmt", [Fixed(1, 0), Fixed(8, 3), Fixed(9, 3), Fixed(16, 0), Unorm(1), Unorm(8), Unorm(16), Index(300)]
)
@pytest.mark.parametrize(("size", "width"), [(1, 1), (5, 2), (6, 3), (4, 8)])
def test_unpack_inverts_pack(fmt, size, width, rng):
    packing = Packing(fmt, size, width)
    codes = rng.integers(fmt.min, fmt.max, (7, size), endpoint=True)
    beats = packing.pack(codes)
    assert beats.shape == (7 * packing.beats, packing.beat_bytes)
    assert np.array_equal(packing.unpack(beats), codes)


def test_slots_are_whole_bytes_sign_extended_first_element_lowest():
    assert Packing(Fixed(9, 0), 2, 2).pack(np.array([[-1, 1]])).tolist() == [[0xFF, 0xFF, 0x01, 0x00]]


def test_last_marks_each_sequences_final_beat():
    packing = Packing(Unorm(4), 3, 2)
    _, last = packing.pack_sequences([np.zeros((2, 3), int), np.zeros((1, 3), int)])
    assert last.tolist() == [0, 0, 0, 1, 0, 1]

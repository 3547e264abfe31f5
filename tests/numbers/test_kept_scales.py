from __future__ import annotations

import numpy as np
import pytest

from ffhw.errors import InputError
from ffhw.numbers.formats import Fixed, Unorm
from ffhw.numbers.kept_scales import KeptPrecision, RecordedPrecision
from ffhw.numbers.scales import Widths

WIDTHS = Widths(8, 6)


def test_scales_are_chosen_again_as_they_were(rng):
    values, more = rng.normal(0, 1, 50), rng.normal(0, 1, (3, 20))
    recorded = RecordedPrecision(WIDTHS)
    first = recorded.data(values, 8)
    codes, frac = recorded.weights(more, Unorm(8), 6)
    table = recorded.fixed(values, 5)
    assert recorded.chosen == [first.frac, frac, table.frac]
    kept = KeptPrecision(WIDTHS, chosen=tuple(recorded.chosen))
    assert kept.data(values * 1000, 8) == first
    assert kept.weights(more, Unorm(8), -3)[1] == frac
    assert np.array_equal(KeptPrecision(WIDTHS, chosen=(frac,)).weights(more, Unorm(8), 6)[0], codes)
    assert kept.fixed(values, 5) == table


def test_what_saturates_is_counted_by_layer():
    kept = KeptPrecision(WIDTHS, chosen=(7, 5, 7))
    kept.data([0.5, 1.5, -1.0, -1.2], 8)
    kept.within("first")
    codes, _ = kept.weights([[0.2, 1.1, -1.01]], Fixed(8, 7), 6)
    kept.data([0.1], 8)
    assert codes.tolist() == [[6, 31, -32]]
    assert [(s.layer, s.what, s.count, s.total) for s in kept.saturated] == [
        ("the input", "numbers", 2, 4),
        ("layer 'first'", "weights", 1, 3),
    ]


def test_more_scales_than_there_were():
    kept = KeptPrecision(WIDTHS, chosen=(7,))
    kept.data([0.5], 8)
    kept.within("more")
    with pytest.raises(InputError, match=r"^layer 'more' is one that the bundle's network does not have: export this"):
        kept.data([0.5], 8)

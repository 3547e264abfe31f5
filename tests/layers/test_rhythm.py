from __future__ import annotations

import itertools

import numpy as np
import pytest

from ffhw.layers.rhythm import Rhythm


@pytest.mark.parametrize(("lead", "stride"), itertools.product(range(4), range(1, 4)))
def test_steps_are_counted_one_by_one(lead, stride):
    rhythm = Rhythm(lead, stride)
    for length in range(1, 15):
        answered = [t for t in range(length) if t >= lead and (t - lead) % stride == 0]
        assert rhythm.steps(length) == len(answered)
        assert Rhythm(lead, stride, once=True).steps(length) == min(1, len(answered))
    assert rhythm.steps(rhythm.least) == 1
    assert rhythm.steps(rhythm.least - 1) == 0
    for answers in range(1, 5):
        longest = rhythm.longest(answers)
        assert rhythm.steps(longest) == answers
        assert rhythm.steps(longest + 1) == answers + 1


@pytest.mark.parametrize(("a", "b"), itertools.product([Rhythm(), Rhythm(2, 1), Rhythm(0, 3), Rhythm(3, 2)], repeat=2))
def test_one_behind_the_other(a, b):
    lengths = np.arange(1, 40)
    assert np.array_equal(a.then(b).steps(lengths), b.steps(a.steps(lengths)))
    once = a.then(Rhythm(b.lead, b.stride, once=True))
    assert np.array_equal(once.steps(lengths), np.minimum(1, b.steps(a.steps(lengths))))
    assert once.then(b) == once

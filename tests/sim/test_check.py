from __future__ import annotations

import numpy as np
import pytest

from ffhw.sim.check import steady_interval, within_budget


@pytest.mark.parametrize(
    ("lengths", "steps", "kept"),
    [([10, 10], 100, [10, 10]), ([10, 30], 25, [10, 15]), ([100], 3, [16]), ([20, 20], 20, [20])],
)
def test_budget_cuts_the_last_sequence(lengths, steps, kept):
    sequences = [np.arange(n)[:, None] for n in lengths]
    assert [len(s) for s in within_budget(sequences, steps)] == kept


def accepted(lengths, gap):
    """Cycles of accepted beats, one a step, with a given number of cycles between steps."""
    return np.cumsum(np.full(sum(lengths), gap))


def test_pace_is_read_from_the_steady_state():
    sequences = [np.zeros((n, 1)) for n in (5, 30)]
    assert steady_interval(accepted([5, 30], 7), 1, sequences, predicted=7) == 7
    assert steady_interval(accepted([5, 30], 9), 1, sequences, predicted=7) == 9


def test_short_or_unsettled_runs_do_not_tell():
    assert steady_interval(accepted([5, 5], 7), 1, [np.zeros((5, 1))] * 2, predicted=7) is None
    # buffers still fill: the first engine is faster than the design
    assert steady_interval(accepted([30], 5), 1, [np.zeros((30, 1))], predicted=7) is None

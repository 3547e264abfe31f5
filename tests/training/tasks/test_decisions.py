from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ffhw.training.tasks.decisions import ContextDecision, DelayedMatch, ParametricMemory, PerceptualDecision

ALL = [PerceptualDecision(), ContextDecision(), DelayedMatch(), ParametricMemory()]


def quiet(task):
    return dataclasses.replace(task, noise=0.0)


@pytest.mark.parametrize("task", ALL, ids=lambda t: type(t).__name__)
def test_shapes_seeds_and_choices(task):
    x, y = task.generate(400, seed=1)
    assert x.shape[:2] == y.shape[:2]
    assert y.shape[2] == 1
    assert x.dtype == y.dtype == np.float32
    again, other = task.generate(400, seed=1)[0], task.generate(400, seed=2)[0]
    assert np.array_equal(x, again)
    assert not np.array_equal(x, other)
    # fixation before the response, one of two answers, about equally often, all through it
    response = round(task.response_ms / task.dt_ms)
    assert not y[:, :-response].any()
    assert set(np.unique(y[:, -response:])) == {-1, 1}
    assert (y[:, -response:] == y[:, -1:]).all()
    assert abs(y[:, -1].mean()) < 0.2


def test_perceptual_decision_follows_the_motion():
    x, y = quiet(PerceptualDecision()).generate(200, seed=3)
    assert np.array_equal(np.sign(x.sum(axis=1)), y[:, -1])
    assert set(np.round(np.abs(x[:, 10, 0]), 3)) == {np.float32(c) for c in (0.064, 0.128, 0.256, 0.512)}


def test_context_decision_follows_the_line_that_is_up():
    x, y = quiet(ContextDecision()).generate(200, seed=4)
    context = x[:, 0, 2:].argmax(axis=1)
    assert np.array_equal(x[:, :, 2:].sum(axis=(1, 2)), np.full(200, x.shape[1]))
    assert np.array_equal(np.sign(x[np.arange(200), 10, context]), y[:, -1, 0])
    # the other channel disagrees half of the time: it carries no answer
    assert 0.35 < (np.sign(x[np.arange(200), 10, 1 - context]) == y[:, -1, 0]).mean() < 0.65


def test_delayed_match_compares_the_items():
    task = quiet(DelayedMatch())
    x, y = task.generate(200, seed=5)
    first, second = x[:, 5:15], x[:, 45:55]
    assert (first.sum(axis=2) == 1).all()
    assert not x[:, 15:45].any()
    assert np.array_equal(np.where(first[:, 0].argmax(1) == second[:, 0].argmax(1), 1, -1), y[:, -1, 0])


def test_parametric_memory_compares_the_strengths():
    x, y = quiet(ParametricMemory()).generate(200, seed=6)
    first, second = x[:, 5, 0], x[:, 45, 0]
    assert (first != second).all()
    assert np.array_equal(np.where(first > second, 1, -1), y[:, -1, 0])
    assert first.min() == pytest.approx(0.1)
    assert first.max() == pytest.approx(1.0)


@pytest.mark.parametrize("options", [{"dt_ms": 0}, {"noise": -0.1}, {"response_ms": -5.0}])
def test_bad_parameters(options):
    with pytest.raises(ValueError, match=rf"^{next(iter(options))} must not be negative, and dt_ms not 0, not "):
        DelayedMatch(**options)

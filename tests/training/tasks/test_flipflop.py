from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from ffhw.training.qat.asked import asked_error
from ffhw.training.tasks import TASKS
from ffhw.training.tasks.flipflop import FlipFlopTask

CLEAN = FlipFlopTask(noise=0.0)


def replay(task, x):
    """Targets worked out step by step from clean pulses."""
    y = np.zeros_like(x)
    for sample in range(len(x)):
        for channel in range(x.shape[2]):
            held, falls = 0.0, {}
            for t in range(x.shape[1]):
                if t and x[sample, t - 1, channel] != 0 and x[sample, t, channel] == 0:
                    falls[t + round(task.delay_ms)] = np.sign(x[sample, t - 1, channel])
                held = falls.get(t, held)
                y[sample, t, channel] = held
    return y


def test_targets_follow_the_pulses():
    x, y = CLEAN.generate(30, seed=1)
    assert np.array_equal(y, replay(CLEAN, x))


def test_pulses_have_width_height_and_distance():
    task = FlipFlopTask(noise=0.0, amplitude=0.7, pulse_ms=12, steps=2000, interval_ms=(30, 50))
    x, _ = task.generate(4, seed=2)
    for channel in x.transpose(0, 2, 1).reshape(-1, 2000):
        edges = np.flatnonzero(np.diff(channel != 0)) + 1
        widths, gaps = np.diff(edges)[::2], np.diff(edges)[1::2]
        assert set(widths[:-1]) == {12}
        assert gaps.min() >= 30
        assert gaps.max() <= 50
        assert set(np.abs(channel[channel != 0])) == {np.float32(0.7)}


def test_noise_is_a_share_of_the_amplitude():
    quiet, _ = FlipFlopTask(noise=0.0, amplitude=2.0).generate(50, seed=3)
    noisy, _ = FlipFlopTask(noise=0.1, amplitude=2.0).generate(50, seed=3)
    assert (noisy - quiet).std() == pytest.approx(0.2, rel=0.02)


def test_seeds_decide():
    one, two, three = (FlipFlopTask().generate(3, seed)[0] for seed in (1, 1, 2))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, three)


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_channels_are_independent_bits(channels):
    x, y = FlipFlopTask(channels=channels).generate(400, seed=4)
    assert x.shape == y.shape == (400, 350, channels)
    final = y[:, -1]
    assert (np.abs(final.mean(axis=0)) < 0.2).all()
    if channels > 1:
        assert np.abs(np.corrcoef(final.T) - np.eye(channels)).max() < 0.2


def test_tour_visits_all_states():
    x, y = CLEAN.tour(seed=5)
    assert x.shape == (1, 600, 3)
    assert np.array_equal(y, replay(CLEAN, x))
    settled = y[0, 70::75]
    assert len({tuple(state) for state in settled}) == 8


@pytest.mark.parametrize(
    "options", [{"channels": 0}, {"steps": -1}, {"pulse_ms": 0}, {"interval_ms": (10, 50)}, {"interval_ms": (90, 50)}]
)
def test_bad_parameters(options):
    with pytest.raises(ValueError, match=r"must be"):
        FlipFlopTask(**options)


def test_on_integers_training_asks_for_what_the_test_asks_for():
    task = TASKS["flipflop3"]
    data = task.load(4)
    less, loss = task.on_integers(data)
    assert loss is asked_error
    assert np.array_equal(less.x, data.x)
    asked = np.isfinite(less.y)
    assert np.array_equal(less.y[asked], data.y[asked])
    # the test split, by the score itself: signs that are wrong count where they are asked for, and nowhere else
    x, y = task.generator.generate(50, 7, between=False)
    pending = task.generator.pending(task.generator.draw(50, 7)[2])
    test = dataclasses.replace(data, x_test=x, y_test=y, lengths_test=np.full(50, 350))
    for flipped, score in ((~pending & (np.nan_to_num(y) != 0), 0.0), (pending | (y == 0), 1.0)):
        answers = np.where(flipped, -1.0, 1.0) * np.nan_to_num(y, nan=1.0)
        assert task.evaluate(SimpleNamespace(data=test, answers=answers))["sign_accuracy"] == score
    assert 0.4 < asked.mean() < 0.6
    everything = dataclasses.replace(data, asked=None)
    assert task.on_integers(everything) == (everything, None)

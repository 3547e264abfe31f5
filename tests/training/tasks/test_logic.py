"""Sequential logic as data: what a circuit built by hand answers."""

from __future__ import annotations

import numpy as np
import pytest

from ffhw.training.tasks import task
from ffhw.training.tasks.logic import PATTERN, adder, counter, detector, parity


def streams(circuit, samples=4, steps=40):
    x, y = circuit(np.random.default_rng(1), samples, steps)
    assert x.shape[:2] == y.shape[:2] == (samples, steps)
    assert set(np.unique(x)) == set(np.unique(y)) == {0, 1}
    return x, y


def test_parity_is_a_toggle_flip_flop():
    for bits, odd in zip(*streams(parity), strict=True):
        q = 0
        for bit, answer in zip(bits[:, 0], odd[:, 0], strict=True):
            q ^= bit
            assert answer == q


def test_a_counter_is_three_of_them():
    for bits, count in zip(*streams(counter), strict=True):
        q = np.zeros(3, int)
        for bit, answer in zip(bits[:, 0], count, strict=True):
            q ^= [bit, bit & q[0], bit & q[0] & q[1]]
            assert np.array_equal(answer, q)


def test_an_adder_adds():
    x, total = streams(adder)
    weights = 1 << np.arange(40, dtype=np.int64)
    first, second = (x * weights[:, None]).sum(axis=1).T
    assert np.array_equal((total[..., 0] * weights).sum(axis=1), (first + second) % (1 << 40))


def test_a_detector_fires_on_its_pattern_alone():
    x, found = streams(detector, samples=20)
    for bits, fired in zip(x[..., 0], found[..., 0], strict=True):
        for step in range(40):
            assert fired[step] == (step >= 7 and tuple(bits[step - 7 : step + 1]) == PATTERN)
    # neither is rare
    assert 0.03 < found.mean() < 0.2


@pytest.mark.parametrize("name", ["parity", "counter", "adder", "detector"])
def test_tasks(name):
    data = task(name).load(1)
    assert data.x.shape == (2048, 32, 2 if name == "adder" else 1)
    assert data.y.shape == (2048, 32, 3 if name == "counter" else 1)
    assert set(np.unique(data.y)) == {-1, 1}
    # a circuit that is understood does not mind longer streams
    assert data.x_test.shape[:2] == (512, 64)
    assert np.array_equal(task(name).load(1).x, data.x)
    assert not np.array_equal(task(name).load(2).x, data.x)

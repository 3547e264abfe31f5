from __future__ import annotations

import numpy as np
import pytest
from keras import ops

from ffhw.training.mixture import draw, point_loss


def answer(components, rng):
    return rng.normal(0, 0.7, 1 + 6 * components).astype(np.float32)


def density(point, values):
    """The mixture's density at a point, from covariance matrices."""
    weight, x, y, log_x, log_y, r = np.split(values[1:].astype(np.float64), 6)
    weight, r = np.exp(weight) / np.exp(weight).sum(), 0.95 * np.tanh(r)
    total = 0.0
    for c in range(len(weight)):
        sx, sy = np.exp(log_x[c]), np.exp(log_y[c])
        spread = np.array([[sx * sx, r[c] * sx * sy], [r[c] * sx * sy, sy * sy]])
        far = np.array(point) - (x[c], y[c])
        total += (
            weight[c] * np.exp(-0.5 * far @ np.linalg.inv(spread) @ far) / (2 * np.pi * np.linalg.det(spread) ** 0.5)
        )
    return total


@pytest.mark.parametrize("up", [0.0, 1.0])
def test_loss_is_the_logarithm_of_the_density(rng, up):
    values, point = answer(3, rng), (0.4, -0.9)
    target = np.array([[[*point, up, 1.0]]], np.float32)
    pen = 1 / (1 + np.exp(-float(values[0])))
    expected = -np.log(density(point, values)) - np.log(pen if up else 1 - pen)
    assert float(point_loss(target, values[None, None])[0, 0]) == pytest.approx(expected, rel=1e-5)
    # what does not count costs nothing
    target[..., 3] = 0
    assert float(point_loss(target, values[None, None])[0, 0]) == 0


def test_the_density_of_all_points_is_one(rng):
    values = answer(2, rng)
    values[0] = -50.0  # the pen stays down
    line = np.linspace(-14, 14, 281)
    points = np.stack(np.meshgrid(line, line), axis=-1).reshape(1, -1, 2)
    target = np.concatenate([points, np.zeros((1, points.shape[1], 1)), np.ones((1, points.shape[1], 1))], axis=-1)
    loss = ops.convert_to_numpy(point_loss(target.astype(np.float32), np.tile(values, (1, points.shape[1], 1))))
    assert np.exp(-loss.astype(np.float64)).sum() * 0.1**2 == pytest.approx(1, abs=2e-3)


def test_drawn_points_have_the_mixtures_moments(rng):
    values = np.array([0.0, 9.0, -9.0, 1.5, 0.0, -0.5, 0.0, np.log(0.3), 0.0, np.log(0.6), 0.0, 0.8, 0.0], np.float32)
    points = np.array([draw(values, 0.0, rng) for _ in range(3000)])
    assert points[:, :2].mean(axis=0) == pytest.approx([1.5, -0.5], abs=0.04)
    assert points[:, :2].std(axis=0) == pytest.approx([0.3, 0.6], rel=0.05)
    assert np.corrcoef(points[:, :2].T)[0, 1] == pytest.approx(0.95 * np.tanh(0.8), abs=0.03)
    assert points[:, 2].mean() == pytest.approx(0.5, abs=0.04)
    near = np.array([draw(values, 3.0, rng) for _ in range(300)])
    assert near[:, :2].std(axis=0) == pytest.approx(np.array([0.3, 0.6]) * np.exp(-3), rel=0.15)

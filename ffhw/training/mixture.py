"""A mixture of bivariate Gaussians and a pen: the density of the next point of handwriting.

A. Graves, "Generating Sequences With Recurrent Neural Networks" (2013), eq. 15-25. Of C components, a network's answer
holds the pen's logit, then C numbers each of: weight logits, means of dx, means of dy, logarithms of both deviations,
and what becomes the correlations by tanh.
"""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray


def split(answer: Any) -> tuple[Any, ...]:
    """Pen logit ``[...]`` and weights' logits, means, log deviations and correlations, each ``[..., C]``."""
    weight, x, y, log_x, log_y, correlation = ops.split(answer[..., 1:], 6, axis=-1)
    # a deviation has bounds: a density could grow without end over points that repeat
    log_x, log_y = ops.clip(log_x, -5.0, 3.0), ops.clip(log_y, -5.0, 3.0)
    return answer[..., 0], weight, x, y, log_x, log_y, 0.95 * ops.tanh(correlation)


@keras.saving.register_keras_serializable(package="ffhw")
def point_loss(target: Any, answer: Any) -> Any:
    """Nats a point ``[batch, time]``; of targets ``[batch, time, 4]``: dx, dy, pen up, weight."""
    pen, weight, x, y, log_x, log_y, r = split(answer)
    u = (target[..., 0:1] - x) * ops.exp(-log_x)
    v = (target[..., 1:2] - y) * ops.exp(-log_y)
    rest = 1.0 - ops.square(r)
    # log N = -z / (2 (1 - r^2)) - log(2 pi s_x s_y sqrt(1 - r^2)),  z = u^2 + v^2 - 2 r u v
    z = ops.square(u) + ops.square(v) - 2.0 * r * u * v
    density = -z / (2.0 * rest) - math.log(2.0 * math.pi) - log_x - log_y - 0.5 * ops.log(rest)
    point = ops.logsumexp(ops.log_softmax(weight, axis=-1) + density, axis=-1)
    up = target[..., 2]
    # -log P(pen) = softplus(l) - l up
    stroke = ops.softplus(pen) - pen * up
    return (stroke - point) * target[..., 3]


def draw(answer: NDArray[Any], bias: float, rng: np.random.Generator) -> tuple[float, float, float]:
    """A point from an answer ``[1 + 6 C]``: dx, dy, pen up. A bias above 0 draws likelier ones (Graves, eq. 61-62)."""
    pen, weight, x, y, log_x, log_y, r = (np.asarray(part, np.float64) for part in split(answer))
    logits = weight * (1.0 + bias)
    shares = np.exp(logits - logits.max())
    chosen = rng.choice(len(shares), p=shares / shares.sum())
    a, b = rng.normal(size=2)
    b = r[chosen] * a + np.sqrt(1.0 - r[chosen] ** 2) * b
    dx = x[chosen] + np.exp(log_x[chosen] - bias) * a
    dy = y[chosen] + np.exp(log_y[chosen] - bias) * b
    return float(dx), float(dy), float(rng.random() < 1.0 / (1.0 + math.exp(-float(pen))))

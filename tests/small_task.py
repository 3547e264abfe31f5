"""A task that a few units learn in seconds."""

from __future__ import annotations

import dataclasses

import numpy as np

from ffhw.training.tasks import TASKS, TaskData


def small(seed):
    """A task that a few units learn in seconds: which of two channels is larger on average."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(300, 8, 2)).astype(np.float32)
    y = (x[..., 0].mean(axis=1) > x[..., 1].mean(axis=1)).astype(np.int64)
    return TaskData(x[:200], y[:200], x[200:], y[200:], np.full(100, 8))


TASK = dataclasses.replace(
    TASKS["japanese-vowels"], load=small, outputs=2, units=8, epochs=12, learning_rate=3e-2, input_noise=0.0
)

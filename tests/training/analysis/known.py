"""Networks small enough to be understood by hand, and what is known of them."""

from __future__ import annotations

import numpy as np

from ffhw.training.analysis.cells import CellWeights
from ffhw.training.analysis.dynamics import Dynamics

# h = tanh(2 h) has three solutions: 0, where the slope is 2, and +- this
CORNER = 0.9575040240772687


def latches(channels=3, gain=2.0):
    """As many tanh units that feed only themselves: a memory whose eight states are a cube, exactly."""
    eye = np.eye(channels)
    return Dynamics(
        "latches", "rnn", CellWeights(eye, gain * eye, np.zeros(channels)), eye / CORNER, np.zeros(channels)
    )


def flip_flop_latches(channels=3, bias=-30.0):
    """A JK unit a channel that a pulse of +1 sets, one of -1 resets, and nothing else touches."""
    kernel = np.concatenate([np.eye(channels), -np.eye(channels)], axis=1) * 2.0 * -bias
    weights = CellWeights(kernel, np.zeros((channels, 2 * channels)), np.full(2 * channels, bias))
    return Dynamics("flip-flops", "jk", weights, 2.0 * np.eye(channels), -np.ones(channels))

"""GRU operators with ``linear_before_reset=0``: the reset gate scales the state before the product."""

from __future__ import annotations

import numpy as np

from ffhw.layers.gru_reset_before import FloatGRUResetBefore


def layer(name: str, w: np.ndarray, r: np.ndarray, b: np.ndarray) -> FloatGRUResetBefore:
    """The layer of an operator's weights."""
    order = [1, 0, 2]  # r z n of z r h
    return FloatGRUResetBefore(name, w[order], r[order], b.sum(axis=0)[order], True)

"""Scans that are SR cells."""

from __future__ import annotations

import functools

import numpy as np

from ffhw.layers.sr import BOTH, FloatSR
from ffhw.onnx.floats.sr import FUNCTIONS
from ffhw.reading.onnx.scan import gates


def layer(both: str, name: str, w: np.ndarray, r: np.ndarray, b: np.ndarray) -> FloatSR:
    """The layer of a cell's weights; ``both``: what S = R = 1 does."""
    return FloatSR(name=name, both=both, **gates(2, w, r, b))


CELLS = tuple((function, functools.partial(layer, both)) for function, both in zip(FUNCTIONS, BOTH, strict=True))

"""Scans that are SR cells."""

from __future__ import annotations

import functools

import numpy as np

from ffhw.layers.sr import FloatSR
from ffhw.onnx.floats.sr import FUNCTIONS
from ffhw.reading.onnx.scan import gates


def layer(both: str, closing: bool, name: str, w: np.ndarray, r: np.ndarray, b: np.ndarray) -> FloatSR:
    """The layer of a cell's weights; ``both``: what S = R = 1 does; ``closing``: whether gates close."""
    return FloatSR(name=name, both=both, closing=closing, **gates(2, w, r, b))


CELLS = tuple((function, functools.partial(layer, *options)) for options, function in FUNCTIONS.items())

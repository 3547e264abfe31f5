"""Scans that are JK cells."""

from __future__ import annotations

import functools

import numpy as np

from ffhw.layers.jk import FloatJK
from ffhw.onnx.floats.jk import FUNCTIONS
from ffhw.reading.onnx.scan import gates


def layer(closing: bool, name: str, w: np.ndarray, r: np.ndarray, b: np.ndarray) -> FloatJK:
    """The layer of a cell's weights; ``closing``: whether gates close."""
    return FloatJK(name=name, closing=closing, **gates(2, w, r, b))


CELLS = tuple((function, functools.partial(layer, closing)) for closing, function in FUNCTIONS.items())

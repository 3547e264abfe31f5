"""Scans that are Toggle cells."""

from __future__ import annotations

import functools

import numpy as np

from ffhw.layers.toggle import FloatToggle
from ffhw.onnx.floats.toggle import FUNCTIONS
from ffhw.reading.onnx.scan import gates


def layer(closing: bool, name: str, w: np.ndarray, r: np.ndarray, b: np.ndarray) -> FloatToggle:
    """The layer of a cell's weights; ``closing``: whether gates close."""
    return FloatToggle(name=name, closing=closing, **gates(1, w, r, b))


CELLS = tuple((function, functools.partial(layer, closing)) for closing, function in FUNCTIONS.items())

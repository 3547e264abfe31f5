"""Scans that are JK cells."""

from __future__ import annotations

import numpy as np

from ffhw.layers.jk import FloatJK
from ffhw.onnx.floats.jk import FUNCTIONS
from ffhw.reading.onnx.scan import gates


def layer(name: str, w: np.ndarray, r: np.ndarray, b: np.ndarray) -> FloatJK:
    """The layer of a cell's weights."""
    return FloatJK(name=name, **gates(2, w, r, b))


CELLS = ((FUNCTIONS[0], layer),)

"""Scans that are Toggle cells."""

from __future__ import annotations

import numpy as np

from ffhw.layers.toggle import FloatToggle
from ffhw.onnx.floats.toggle import FUNCTIONS
from ffhw.reading.onnx.scan import gates


def layer(name: str, w: np.ndarray, r: np.ndarray, b: np.ndarray) -> FloatToggle:
    """The layer of a cell's weights."""
    return FloatToggle(name=name, **gates(1, w, r, b))


CELLS = ((FUNCTIONS[0], layer),)

"""Arrays as JSON: no more digits than a figure shows, so that a file can be read and kept."""

from __future__ import annotations

from typing import Any

import numpy as np


def rounded(values: Any, digits: int = 5) -> Any:
    """Nested lists of the values with so many significant digits; what is not a number becomes None."""
    array = np.asarray(values, np.float64)
    if array.ndim:
        return [rounded(v, digits) for v in array]
    return float(f"{array:.{digits}g}") if np.isfinite(array) else None


def complex_pairs(values: Any) -> Any:
    """Complex values as ``[real, imaginary]``."""
    array = np.asarray(values)
    return rounded(np.stack([array.real, array.imag], axis=-1))

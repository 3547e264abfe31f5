"""Reversals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ffhw.layers.reversal import ReversalLayer
from ffhw.training.qat.codes import Rounding
from ffhw.training.qat.steps import backwards


def run(layer: ReversalLayer, codes: Mapping[str, Any], x: Any, lengths: Any, rounding: Rounding) -> Any:
    """The layer's answers, see the folder's head."""
    return backwards(x, lengths)

"""Global pooling over time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keras import ops

from ffhw.layers.pooling import PoolingLayer
from ffhw.training.qat.codes import Rounding
from ffhw.training.qat.steps import real


def run(layer: PoolingLayer, codes: Mapping[str, Any], x: Any, lengths: Any, rounding: Rounding) -> Any:
    """The layer's answers, see the folder's head."""
    n = ops.cast(ops.shape(x)[1] if lengths is None else lengths[:, None], x.dtype)
    counts = ops.ones_like(x[..., :1], "bool") if lengths is None else real(x, lengths)
    if layer.pooling == "max":
        return ops.max(ops.where(counts, x, float(layer.input.min)), axis=1)
    # floor((2 sum + n) / (2 n))
    mean = ops.sum(ops.where(counts, x, 0.0), axis=1) / n
    return rounding.half_up(mean)

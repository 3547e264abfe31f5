"""Dense layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keras import ops

from ffhw.layers.dense import DenseLayer
from ffhw.training.qat.codes import Codes, Rounding


def run(layer: DenseLayer, codes: Mapping[str, Any], x: Any, lengths: Any, rounding: Rounding) -> Any:
    """The layer's answers, see the folder's head."""
    # acc = (W x << shift_x) + bias
    acc = ops.matmul(x, ops.transpose(codes["weights"])) * 2.0**layer.shift_x + codes["bias"]
    return layer.activate(Codes(acc, rounding)).tensor  # type: ignore[arg-type, attr-defined]

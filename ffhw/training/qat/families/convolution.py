"""Convolutions over time: dense layers over windows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keras import ops

from ffhw.layers.convolution import ConvolutionLayer
from ffhw.training.qat.codes import Rounding
from ffhw.training.qat.families import dense


def run(layer: ConvolutionLayer, codes: Mapping[str, Any], x: Any, lengths: Any, rounding: Rounding) -> Any:
    """The layer's answers, see the folder's head."""
    if layer.causal:
        shape = (ops.shape(x)[0], layer.taps - 1, layer.input_size)
        x = ops.concatenate([ops.broadcast_to(codes["before"], shape), x], axis=1)
    ends = x.shape[1] - layer.taps + 1
    seen = [x[:, tap : ends + tap : layer.stride] for tap in range(layer.taps)]
    return dense.run(layer, codes, ops.concatenate(seen, axis=2), lengths, rounding)

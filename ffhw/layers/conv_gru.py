"""Maps of GRU units, ConvGRU2D. Gate order everywhere: z (update), r (reset), n (candidate).

z, r = sigmoid(W * x_t + b + U * h_{t-1})       n = tanh(Wn * x_t + bn + r (Un * h_{t-1}))
h_t = z h_{t-1} + (1 - z) n                     with * the convolution
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from ffhw.layers.description import KerasClass
from ffhw.layers.gru import FloatGRU, GRULayer
from ffhw.layers.over_maps import MAP_OPTIONS, FloatOverMaps, OverMaps, read_maps


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class ConvGRULayer(OverMaps, GRULayer):
    """GRU units over maps, in integers."""

    kind: ClassVar[str] = "conv_gru"


@dataclasses.dataclass(frozen=True, kw_only=True)
class FloatConvGRU(FloatOverMaps, FloatGRU):
    """Trained GRU units over maps."""

    kind: ClassVar[str] = "conv_gru"
    quantized = ConvGRULayer


KERAS = (
    KerasClass(
        "ConvGRU2D",
        MAP_OPTIONS,
        lambda described: read_maps(described, FloatConvGRU),
        registered="ffhw>ConvGRU2D",
        takes_maps=True,
    ),
)

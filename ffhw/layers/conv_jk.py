"""Maps of JK flip-flop neurons (JK flip-flop network paper: ConvFFNN). Gate order everywhere: J, then K.

J   = sigmoid(Wjx * x_t + Wjh * h_{t-1} + bj)       K = sigmoid(Wkx * x_t + Wkh * h_{t-1} + bk)
h_t = J (1 - h_{t-1}) + (1 - K) h_{t-1}             with * the convolution
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from ffhw.layers.description import FLAG, KerasClass
from ffhw.layers.jk import FloatJK, JKLayer
from ffhw.layers.over_maps import MAP_OPTIONS, FloatOverMaps, OverMaps, read_maps


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class ConvJKLayer(OverMaps, JKLayer):
    """JK neurons over maps, in integers."""

    kind: ClassVar[str] = "conv_jk"


@dataclasses.dataclass(frozen=True, kw_only=True)
class FloatConvJK(FloatOverMaps, FloatJK):
    """Trained JK neurons over maps."""

    kind: ClassVar[str] = "conv_jk"
    quantized = ConvJKLayer


KERAS = (
    KerasClass(
        "ConvJK2D",
        {**MAP_OPTIONS, "centered": FLAG},
        lambda described: read_maps(described, FloatConvJK),
        registered="ffhw>ConvJK2D",
        takes_maps=True,
    ),
)

"""Pooling within maps, Keras' MaxPooling2D: the largest code that a window sees at each place, each step."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ffhw.layers.base import Calibration, EachStep, FloatLayer, Floats, Given, Ints, require
from ffhw.layers.description import Described, KerasClass, Option, only
from ffhw.layers.maps import PAIR, OnMaps, QuantizedOnMaps, Window, of_axes, pair, placed
from ffhw.numbers.formats import Fixed, Format, Unorm, UnormSum
from ffhw.numbers.scales import Precision


def read(described: Described) -> FloatMapPooling:
    """MaxPooling2D layer."""
    described.expect_arrays(0)
    if described.maps is None:
        raise described.refuse("data_format", "needs maps [batch, rows, columns, channels]")
    size = pair(described.options["pool_size"])
    strides = described.options["strides"]
    window = placed(described, size, size if strides is None else pair(strides))
    return FloatMapPooling(described.name, window)


KERAS = (
    KerasClass(
        "MaxPooling2D",
        {
            "pool_size": of_axes(2, 2),
            "strides": Option(lambda value: value is None or PAIR.accepts(value), PAIR.expected, None),
            "padding": only("valid"),
            "data_format": only("channels_last", None),
        },
        read,
        takes_maps=True,
        each_step=True,
    ),
)


class _Pooled:
    """What both forms answer."""

    window: Window

    @property
    def output_size(self) -> int:
        """All places of all channels."""
        return self.window.positions * self.window.channels

    def _largest(self, x: Any) -> Any:
        window = self.window
        pixels = x.reshape(*x.shape[:-1], window.pixels, window.channels)
        largest = pixels[..., window.sources[:, 0], :]
        for tap in range(1, window.taps):
            largest = np.maximum(largest, pixels[..., window.sources[:, tap], :])
        return largest.reshape(*x.shape[:-1], self.output_size)


@dataclasses.dataclass(frozen=True)
class FloatMapPooling(_Pooled, OnMaps, EachStep, FloatLayer):
    """Maxima of the window's places, channel by channel; none of them sees what is outside."""

    kind: ClassVar[str] = "map_pooling"

    name: str
    window: Window

    def forward(self, x: Floats, length: Ints) -> Floats:  # noqa: D102
        return np.asarray(self._largest(x))

    def scale_behind(self, scale: Floats, offset: Floats) -> tuple[Floats, Floats] | None:  # noqa: D102
        # max(s v + o) = s max(v) + o of positive scales that are one for all places of a window
        seen = [v.reshape(self.window.pixels, -1)[self.window.sources] for v in (scale, offset)]
        alike = all((v == v[:, :1]).all() for v in seen)
        return (seen[0][:, 0].ravel(), seen[1][:, 0].ravel()) if alike and (scale > 0).all() else None

    @classmethod
    def of_numbers(cls, layer: Any, numbers: Mapping[str, Floats]) -> FloatMapPooling:  # noqa: D102
        return cls(layer.name, layer.window)

    def quantize(self, source: Format, data: Calibration, precision: Precision) -> MapPoolingLayer:  # noqa: D102
        return MapPoolingLayer(self.name, source, self.window)


@dataclasses.dataclass(frozen=True, eq=False)
class MapPoolingLayer(_Pooled, QuantizedOnMaps, EachStep):
    """Maxima of the window's places, in integers; ``output`` is ``input``."""

    kind: ClassVar[str] = "map_pooling"
    arrays: ClassVar[tuple[str, ...]] = ()

    name: str
    input: Format
    window: Window

    def __post_init__(self) -> None:
        where = f"layer {self.name!r}"
        self.window.check(where)
        require(isinstance(self.input, (Fixed, Unorm, UnormSum)), f"{where} cannot take {self.input} as input")
        require(max(*self.window.before, *self.window.after) == 0, f"{where}: a maximum sees nothing outside of maps")

    @property
    def output(self) -> Format:  # type: ignore[override]
        """As the input."""
        return self.input

    def run(self, x: Ints, length: Ints, state: Ints, trace: bool) -> Given:  # noqa: D102
        return Given(self._largest(x))

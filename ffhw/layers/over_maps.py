"""Recurrent layers over maps: the gates of a cell by convolution, shared by all places of its maps.

acc = Wx * x_t + Wh * h_{t-1} + b           with * the convolution, zero outside of the maps

A kind is a fully connected cell with this in front of it, twice: of trained and of quantized layers. Its states are
F maps; a unit is one place of one map, and its gates see what a window shows of the inputs and of the states. Each unit
has biases of its own: where a scale with an offset is folded into the weights, the zeros outside have no part in it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ffhw.layers.base import Calibration, Floats, Ints, require
from ffhw.layers.description import Described, Option, Read
from ffhw.layers.float_recurrent import RECURRENT_OPTIONS, FloatRecurrent, directed
from ffhw.layers.maps import PAIR, PLACED, OnMaps, QuantizedOnMaps, Window, window_of
from ffhw.layers.recurrent import RecurrentLayer
from ffhw.numbers.scales import Precision

# Options of a convolutional recurrent layer of any cell.
MAP_OPTIONS: dict[str, Option] = {
    **{name: option for name, option in RECURRENT_OPTIONS.items() if name != "units"},
    **PLACED,
    "dilation_rate": PAIR,
}


def read_maps(described: Described, layer: type[FloatOverMaps]) -> Read:
    """A layer of Keras' form: ``kernel [kh, kw, C, G F]``, ``recurrent_kernel [kh, kw, F, G F]``, ``bias [G F]``.

    Recurrent sums that are kept apart have no bias.
    """
    gates = len(layer.quantized.gate_tables)
    sums = gates + layer.quantized.apart
    options, filters = described.options, described.options["filters"]
    window = window_of(described)
    window.check_units(f"layer {described.name!r}", sums * filters)
    described.expect_arrays(0)
    described.expect_arrays(2 + options["use_bias"], "cell/")

    def kernel(number: int, channels: int) -> Floats:
        stored = described.array(f"cell/vars/{number}", *window.size, channels, gates * filters)
        return stored.reshape(-1, gates, filters).transpose(1, 2, 0)

    bias = np.zeros((sums, filters))
    if options["use_bias"]:
        bias[:gates] = described.array("cell/vars/2", gates * filters).reshape(gates, filters)
    trained = layer(
        name=described.name,
        weights_x=kernel(0, window.channels),
        weights_h=kernel(1, filters),
        bias=np.tile(bias, window.positions),
        return_sequences=options["return_sequences"],
        window=window,
    )
    return directed(described, trained)


class _Shared(OnMaps):
    """Units of which all places share the weights."""

    weights_x: Any

    @property
    def filters(self) -> int:
        """F, the number of maps."""
        return self.weights_x.shape[1]

    @property
    def units(self) -> int:
        """All places of all maps."""
        return self.window.positions * self.filters


@dataclasses.dataclass(frozen=True, kw_only=True)
class FloatOverMaps(_Shared, FloatRecurrent):
    """Trained weights ``[gates, F, taps * C]`` and ``[gates, F, taps * F]``, biases ``[sums, places * F]``."""

    window: Window

    def input_scaled(self, name: str, scale: Floats, offset: Floats) -> FloatOverMaps:  # noqa: D102
        each = self.window.per_channel(self.name, scale)
        # W * (s v + o) + b = (W s) * v + (b + W * o), the zeros outside untouched
        bias = self.bias.copy()
        bias[: len(self.weights_x)] += self.window.convolved(offset[None], self.weights_x)[0]
        return dataclasses.replace(self, weights_x=self.weights_x * np.tile(each, self.window.taps), bias=bias)

    def driven(self, x: Floats) -> Iterator[Floats]:  # noqa: D102
        for t in range(x.shape[1]):
            yield self.window.convolved(x[:, t], self.weights_x) + self.bias[: len(self.weights_x)]

    def fed_back(self, start: int, stop: int) -> Callable[[Floats], Floats]:  # noqa: D102
        window, weights = self.window.over(self.filters), self.weights_h[start:stop]
        return lambda h: window.convolved(h, weights)

    @classmethod
    def options_of(cls, layer: Any) -> dict[str, Any]:  # noqa: D102
        return {**super().options_of(layer), "window": layer.window}

    def own_options(self, data: Calibration, precision: Precision) -> dict[str, Any]:  # noqa: D102
        return {**super().own_options(data, precision), "window": self.window}


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class OverMaps(_Shared, QuantizedOnMaps, RecurrentLayer):
    """In integers: weights ``[gates, F, taps * C]`` and ``[gates, F, taps * F]``, biases ``[sums, places * F]``."""

    window: Window

    def __post_init__(self) -> None:
        where = f"layer {self.name!r}"
        self.window.check(where)
        super().__post_init__()
        wide = self.window.taps * self.window.channels
        require(self.weights_x.shape[2] == wide, f"{where}: weights_x must be of {wide} taps and channels")

    def _check_recurrent_size(self, where: str) -> None:
        wide = self.window.taps * self.filters
        require(self.weights_h.shape[2] == wide, f"{where}: weights_h must be of {wide} taps and maps")

    @property
    def family(self) -> str:
        """All of them."""
        return "over_maps"

    def of_units(self, values: Any) -> Any:  # noqa: D102
        return np.tile(values, self.window.positions)

    def driven(self, x: Ints) -> Iterator[Any]:  # noqa: D102
        kind = self.matmul_type()
        weights = (self.weights_x * 2.0**self.shift_x).astype(kind)
        bias = self.bias[: self.gates].astype(kind)
        for t in range(x.shape[1]):
            # (Wx * x << shift_x) + bias
            sums = self.window.convolved(x[:, t].astype(kind), weights) + bias
            yield sums.reshape(len(x), -1)

    def fed_back(self, start: int, stop: int) -> Callable[[Ints], Any]:  # noqa: D102
        kind, window = self.matmul_type(), self.window.over(self.filters)
        # Wh * h << shift_h
        weights = (self.weights_h[start:stop] * 2.0**self.shift_h).astype(kind)
        return lambda h: window.convolved(h.astype(kind), weights).reshape(len(h), -1)

"""Convolution over time, rows and columns of maps: Keras' Conv3D. Each step is answered.

y_t = activation(sum_k (W_k * x_{t - lead + k} + b_k))      of the steps k = 0 ... K - 1 that the sequence has

with * the convolution, zero outside of the maps. ``lead`` steps of a window lie before the present one, the others
behind it: a sequence's ends are padded with zeros. The present step's b is the layer's own bias; what a scale with an
offset in front of the layer leaves to the others counts only where they are there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ffhw.layers.base import Calibration, FloatLayer, Floats, Given, Ints, Layer, require
from ffhw.layers.dense import DenseLayer, FloatDense
from ffhw.layers.description import FLAG_ON, Described, KerasClass, Option, one_of, training_options
from ffhw.layers.maps import (
    MOST_TAPS,
    PLACED,
    OnMaps,
    QuantizedOnMaps,
    Window,
    each_axis,
    need_sequences,
    of_axes,
    placed,
)
from ffhw.layers.weighted import MAX_ACCUMULATOR
from ffhw.numbers.formats import Format
from ffhw.numbers.scales import Precision, bias_codes

ACTIVATIONS = ("linear", "relu", "sigmoid")


_TRIPLE = of_axes(3, 1)


def read(described: Described) -> FloatConvolution3D:
    """Conv3D layer: ``kernel [K, kh, kw, C, F]``, its first step the oldest, ``bias [F]``."""
    options, filters = described.options, described.options["filters"]
    need_sequences(described)
    (steps, *size), (stride, *strides), (gap, *dilation) = (
        each_axis(options[name], 3) for name in ("kernel_size", "strides", "dilation_rate")
    )
    if stride != 1 or (gap != 1 and steps > 1):
        raise described.refuse("strides" if stride != 1 else "dilation_rate", "has no rule along time; use 1 there")
    padded = described.given.padding
    lead, behind = padded.steps if padded else (0, 0)
    if options["padding"] == "same":
        lead, behind = lead + (steps - 1) // 2, behind + steps // 2
    if lead + behind != steps - 1:
        raise described.refuse("padding", f"leaves steps without an answer; pad {steps - 1} steps of time")
    window = placed(described, (size[0], size[1]), (strides[0], strides[1]), (dilation[0], dilation[1]))
    window.check_units(f"layer {described.name!r}", steps * filters)
    described.expect_arrays(1 + options["use_bias"])
    kernel = described.array("vars/0", steps, *size, window.channels, filters)
    own = described.array("vars/1", filters) if options["use_bias"] else np.zeros(filters)
    bias = np.zeros((steps, window.positions * filters))
    bias[lead] = np.tile(own, window.positions)
    weights = kernel.reshape(-1, filters).T
    return FloatConvolution3D(described.name, weights, bias, options["activation"], steps, lead, window)


KERAS = (
    KerasClass(
        "Conv3D",
        {
            **PLACED,
            **dict.fromkeys(("strides", "dilation_rate"), _TRIPLE),
            "kernel_size": of_axes(3, 0),  # which Keras demands
            "groups": Option(lambda value: value == 1 and value is not True, "use 1", 1),
            "activation": one_of(ACTIVATIONS),
            "use_bias": FLAG_ON,
            **training_options("kernel", "bias"),
        },
        read,
        takes_maps=True,
        takes_padding=True,
    ),
)


def shares(weights: Any, steps: int) -> list[Any]:
    """The weights of each step of a window, ``[1, F, taps * C]``, oldest first."""
    return np.split(weights[None], steps, axis=2)


def summed(layer: Any, x: Any, weights: Any, bias: Any, length: Ints) -> Any:
    """``sum_k (W_k * x_{t - lead + k} + b_k)``, ``[batch, time, places * F]``, of ``x [batch, time, rows * ...]``.

    What lies past a length is left out, and has no sums of its own.

    Parameters
    ----------
    layer: says ``steps``, ``lead`` and ``window``. weights: ``[F, K * taps * C]``. bias: ``[K, places * F]``.
    """
    batch, time, _ = x.shape
    real = (np.arange(time) < length[:, None])[..., None]
    flat = np.where(real, x, 0).astype(x.dtype).reshape(batch * time, -1)
    total = np.zeros((batch, time, bias.shape[1]), np.result_type(weights, bias))
    for tap, matrix in enumerate(shares(weights, layer.steps)):
        part = layer.window.convolved(flat, matrix).reshape(batch, time, -1)
        part = np.where(real, part + bias[tap], 0)
        # what step t + tap - lead has to say at step t
        ahead = tap - layer.lead
        here = slice(max(0, -ahead), min(time, time - ahead))
        there = slice(max(0, ahead), min(time, time + ahead))
        if abs(ahead) < time:
            total[:, here] += part[:, there]
    return total


@dataclasses.dataclass(frozen=True)
class FloatConvolution3D(OnMaps, FloatDense):
    """Conv3D layer: weights ``[F, K * taps * C]``, oldest step first; bias ``[K, places * F]``.

    steps: K. lead: of them before the present one.
    """

    kind: ClassVar[str] = "convolution_3d"

    steps: int
    lead: int
    window: Window

    @property
    def output_size(self) -> int:
        """All places of all maps."""
        return self.bias.shape[1]

    def counts_padding(self, held: bool) -> bool:
        """Keras takes the mask away from what follows."""
        return self.steps > 1

    def input_scaled(self, name: str, scale: Floats, offset: Floats) -> FloatConvolution3D:  # noqa: D102
        each = self.window.per_channel(self.name, scale)
        # W_k * (s v + o) + b_k = (W_k s) * v + (b_k + W_k * o), the zeros outside untouched
        added = [self.window.convolved(offset[None], matrix)[0, 0] for matrix in shares(self.weights, self.steps)]
        weights = self.weights * np.tile(each, self.window.taps * self.steps)
        return dataclasses.replace(self, weights=weights, bias=self.bias + np.stack(added))

    def output_scaled(self, scale: Floats, offset: Floats) -> FloatConvolution3D | None:  # noqa: D102
        pixels = scale.reshape(-1, len(self.weights))
        if self.activation != "linear" or (pixels != pixels[0]).any():
            return None
        bias = self.bias * scale
        bias[self.lead] += offset
        return dataclasses.replace(self, weights=self.weights * pixels[0][:, None], bias=bias)

    def forward(self, x: Floats, length: Ints) -> Floats:  # noqa: D102
        return self.of_sums(summed(self, x, self.weights, self.bias, length))

    def classifier(self) -> FloatDense:  # noqa: D102
        return FloatLayer.classifier(self)  # type: ignore[return-value]

    def activated(self, name: str, activation: str) -> FloatLayer:  # noqa: D102
        if activation not in ACTIVATIONS:
            return FloatLayer.activated(self, name, activation)
        return super().activated(name, activation)

    @classmethod
    def of_numbers(cls, layer: Any, numbers: Mapping[str, Floats]) -> FloatConvolution3D:  # noqa: D102
        dense = FloatDense.of_numbers(layer, numbers)
        return cls(dense.name, dense.weights, dense.bias, dense.activation, layer.steps, layer.lead, layer.window)

    def quantize(self, source: Format, data: Calibration, precision: Precision) -> Convolution3DLayer:  # noqa: D102
        # its formats are those of a dense layer over all that a window sees
        dense = FloatDense(self.name, self.weights, np.zeros(len(self.weights)), self.activation)
        formats = dense.quantize(source, data, precision)
        fields = {field.name: getattr(formats, field.name) for field in dataclasses.fields(formats)}
        fields["bias"] = np.zeros_like(self.bias, np.int64)
        layer = Convolution3DLayer(**fields, steps=self.steps, lead=self.lead, window=self.window)
        return dataclasses.replace(layer, bias=bias_codes(self.bias, layer.acc_frac, layer.bias_limit()))


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Convolution3DLayer(QuantizedOnMaps, DenseLayer):
    """F maps, each place a weighted sum of what a window shows of K steps, and an activation, in integers.

    Parameters
    ----------
    weights: ``[F, K * taps * C]``, oldest step first. bias: ``[K, places * F]``, that of a step added where it is.
    steps: K, of a window. lead: of them before the present one. window: on the maps of a step.
    """

    kind: ClassVar[str] = "convolution_3d"

    steps: int
    lead: int
    window: Window

    def __post_init__(self) -> None:
        where = f"layer {self.name!r}"
        self.window.check(where)
        sound = type(self.steps) is int and type(self.lead) is int and 0 <= self.lead < self.steps <= MOST_TAPS
        require(sound, f"{where}: a window of {self.steps!r} steps has no {self.lead!r} before the present one")
        require(self.activation in ACTIVATIONS, f"{where}: activation must be one of {', '.join(ACTIVATIONS)}")
        super().__post_init__()
        wide = self.steps * self.window.taps * self.window.channels
        require(self.weights.shape[1] == wide, f"{where}: weights must be of {wide} steps, taps and channels")

    @property
    def bias_shape(self) -> tuple[int, ...]:
        """One a unit and step of the window."""
        return self.steps, self.units

    @property
    def filters(self) -> int:
        """F, the number of maps."""
        return self.weights.shape[0]

    @property
    def units(self) -> int:
        """All places of all maps."""
        return self.window.positions * self.filters

    def largest_sums(self) -> Any:  # noqa: D102
        return np.tile(super().largest_sums(), self.window.positions)

    def largest_biases(self) -> Any:  # noqa: D102
        return np.abs(self.bias).astype(object).sum(axis=0)

    def bias_limit(self) -> Any:  # noqa: D102
        # the biases of several steps may cancel
        return super().bias_limit() if self.steps == 1 else self.largest_sums() * 0 + MAX_ACCUMULATOR

    def classifier(self) -> DenseLayer:  # noqa: D102
        return Layer.classifier(self)  # type: ignore[return-value]

    def run(self, x: Ints, length: Ints, state: Ints, trace: bool) -> Given:  # noqa: D102
        kind = self.matmul_type()
        # acc = sum_k ((W_k * x << shift_x) + b_k)
        weights = (self.weights * 2.0**self.shift_x).astype(kind)
        acc = summed(self, x.astype(kind), weights, self.bias.astype(kind), length)
        return Given(self.activate(acc.astype(np.int64)))

"""Convolution over time: a dense layer over the last K steps, at every step or every ``stride``-th.

y_j = activation(W [x_{s j + lead - K + 1}, ..., x_{s j + lead}] + b)       lead = K - 1 (valid) or 0 (causal)

What a causal convolution sees before a sequence's first step is zero; in front of scales and shifts that are folded
into its weights it is what becomes zero by them, ``before``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ffhw.errors import InputError
from ffhw.layers.base import Calibration, Floats, Given, Ints, Layer, require
from ffhw.layers.dense import ACTIVATIONS, DenseLayer, FloatDense
from ffhw.layers.description import FLAG_ON, UNITS, Described, KerasClass, Option, one_of, only, training_options
from ffhw.layers.rhythm import Rhythm
from ffhw.numbers.formats import Format
from ffhw.numbers.grids import Grid
from ffhw.numbers.scales import Precision

MOST_TAPS = 1 << 10


def _single(value: Any) -> Any:
    """The one number of an option that Keras keeps as a list of one for each axis."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _is_count(value: Any) -> bool:
    count = _single(value)
    return isinstance(count, int) and not isinstance(count, bool) and 1 <= count <= MOST_TAPS


COUNT = Option(_is_count, f"must be a whole number from 1 to {MOST_TAPS}", 1)
PADDING = Option(lambda value: value in ("valid", "causal"), "use 'valid' or 'causal'", "valid")
ONE = Option(lambda value: _is_count(value) and _single(value) == 1, "use 1", 1)


def read(described: Described) -> FloatConvolution:
    """Conv1D layer: ``kernel [K, D, N]``, its first step the oldest, ``bias [N]``."""
    options, d, n = described.options, described.inputs, described.options["filters"]
    if described.rank != 3:
        raise described.refuse("data_format", "needs sequences: the layer before it must return them")
    described.expect_arrays(1 + options["use_bias"])
    taps = _single(options["kernel_size"])
    kernel = described.array("vars/0", taps, d, n)
    bias = described.array("vars/1", n) if options["use_bias"] else np.zeros(n)
    return FloatConvolution(
        name=described.name,
        weights=kernel.reshape(taps * d, n).T,
        bias=bias,
        activation=options["activation"],
        taps=taps,
        stride=_single(options["strides"]),
        causal=options["padding"] == "causal",
        before=np.zeros(d),
    )


KERAS = (
    KerasClass(
        "Conv1D",
        {
            "filters": UNITS,
            "kernel_size": COUNT,
            "strides": COUNT,
            "padding": PADDING,
            "data_format": only("channels_last", None),
            "dilation_rate": ONE,
            "groups": ONE,
            "activation": one_of(ACTIVATIONS),
            "use_bias": FLAG_ON,
            **training_options("kernel", "bias"),
        },
        read,
    ),
)


def rhythm(taps: int, stride: int, causal: bool) -> Rhythm:
    """A window that must be full, or one that ends at the first step."""
    return Rhythm(0 if causal else taps - 1, stride)


def windows(x: Any, taps: int, stride: int, before: Any) -> Any:
    """The last ``taps`` steps at each answer, oldest first: ``[batch, answers, taps * D]`` of ``[batch, time, D]``.

    before: what stands before a sequence, ``[D]``; None where windows are full.
    """
    if before is not None:
        x = np.concatenate([np.broadcast_to(before, (len(x), taps - 1, x.shape[2])).astype(x.dtype), x], axis=1)
    ends = x.shape[1] - taps + 1
    return np.concatenate([x[:, tap : ends + tap : stride] for tap in range(taps)], axis=2)


@dataclasses.dataclass(frozen=True)
class FloatConvolution(FloatDense):
    """Conv1D layer: weights ``[N, K * D]``, oldest step first, bias ``[N]``; before ``[D]``, see above."""

    kind: ClassVar[str] = "convolution"

    taps: int
    stride: int
    causal: bool
    before: Floats

    @property
    def rhythm(self) -> Rhythm:  # noqa: D102
        return rhythm(self.taps, self.stride, self.causal)

    @property
    def input_size(self) -> int:
        """D, the elements of a step."""
        return self.weights.shape[1] // self.taps

    def counts_padding(self, held: bool) -> bool:
        """Keras takes the mask away from what follows."""
        return True

    def input_scaled(self, name: str, scale: Floats, offset: Floats) -> FloatConvolution:  # noqa: D102
        if self.causal and not scale.all():
            raise InputError(f"layer {name!r}: a scale of 0 before the causal layer {self.name!r} has no hardware")
        dense = super().input_scaled(name, np.tile(scale, self.taps), np.tile(offset, self.taps))
        # what becomes zero, or whatever stood there, by the scale and the shift
        before = (self.before - offset) / scale if self.causal else self.before
        return dataclasses.replace(self, weights=dense.weights, bias=dense.bias, before=before)

    def forward(self, x: Floats, length: Ints) -> Floats:  # noqa: D102
        return super().forward(windows(x, self.taps, self.stride, self.before if self.causal else None), length)

    def numbers(self, layer: Layer) -> dict[str, Floats]:  # noqa: D102
        # what stands before a sequence is no number of training's, but a code
        return {**super().numbers(layer), "before": layer.input.quantize(self.before).astype(np.float64)}

    @classmethod
    def of_numbers(cls, layer: Any, numbers: Mapping[str, Floats]) -> FloatConvolution:  # noqa: D102
        dense = FloatDense.of_numbers(layer, numbers)
        before = layer.input.dequantize(numbers["before"])
        return cls(
            dense.name, dense.weights, dense.bias, dense.activation, layer.taps, layer.stride, layer.causal, before
        )

    def quantize(self, source: Format, data: Calibration, precision: Precision) -> ConvolutionLayer:  # noqa: D102
        dense = super().quantize(source, data, precision)
        fields = {field.name: getattr(dense, field.name) for field in dataclasses.fields(dense)}
        before = source.quantize(self.before)
        return ConvolutionLayer(**fields, taps=self.taps, stride=self.stride, causal=self.causal, before=before)


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class ConvolutionLayer(DenseLayer):
    """N outputs, each a weighted sum of the last K steps of D inputs and an activation, in integers.

    Parameters
    ----------
    weights: ``[N, K * D]``, oldest step first; all that a :class:`DenseLayer` has is meant of these K * D inputs.
    taps: K, steps in a window.
    stride: steps from one answer to the next.
    causal: the first step is answered, with ``before`` in place of the steps before it; else the first full window.
    before: codes that stand before a sequence, ``[D]``.
    """

    kind: ClassVar[str] = "convolution"
    arrays: ClassVar[tuple[str, ...]] = ("weights", "bias", "before")
    constants: ClassVar[tuple[str, ...]] = ("before",)

    taps: int
    stride: int
    causal: bool
    before: Ints

    def __post_init__(self) -> None:
        super().__post_init__()
        where = f"layer {self.name!r}"
        for name, value in (("taps", self.taps), ("stride", self.stride)):
            sound = type(value) is int and 1 <= value <= MOST_TAPS
            require(sound, f"{where}: {name} must be a whole number from 1 to {MOST_TAPS}, not {value!r}")
        require(type(self.causal) is bool, f"{where}: causal must be true or false, not {self.causal!r}")
        columns = self.weights.shape[1]
        require(columns % self.taps == 0, f"{where}: {columns} weights a unit are not those of {self.taps} steps")
        self._freeze("before", (self.input_size,), self.input.min, self.input.max)

    @property
    def rhythm(self) -> Rhythm:  # noqa: D102
        return rhythm(self.taps, self.stride, self.causal)

    @property
    def input_size(self) -> int:
        """D, the elements of a step."""
        return self.weights.shape[1] // self.taps

    @property
    def grids(self) -> dict[str, Grid]:  # noqa: D102
        return {**super().grids, "before": Grid(0, self.input.min, self.input.max)}

    @property
    def free_scales(self) -> tuple[str, ...]:  # noqa: D102
        # what stands before a sequence is a code of the input's format
        return tuple(name for name in super().free_scales if name != "input" or not self.causal)

    @property
    def dense(self) -> DenseLayer:
        """The dense layer over one window."""
        return DenseLayer(**{field.name: getattr(self, field.name) for field in dataclasses.fields(DenseLayer)})

    def run(self, x: Ints, length: Ints, state: Ints, trace: bool) -> Given:  # noqa: D102
        seen = windows(x, self.taps, self.stride, self.before if self.causal else None)
        return super().run(seen, length, state, trace)

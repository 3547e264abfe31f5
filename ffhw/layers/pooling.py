"""Global pooling: one answer a sequence, the average or the largest code of each channel.

average   floor((2 sum + n) / (2 n)) for the codes of n steps: their mean, rounded half up
max       the largest code
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ffhw.layers.base import Calibration, FloatLayer, Floats, Given, Ints, Layer, Once, SameSize, require
from ffhw.layers.description import Described, KerasClass, only
from ffhw.layers.rhythm import MOST_STEPS
from ffhw.numbers.formats import Fixed, Format, Unorm
from ffhw.numbers.scales import Precision

POOLINGS = ("average", "max")


def _read(described: Described, pooling: str) -> FloatPooling:
    described.expect_arrays(0)
    if described.rank != 3:
        raise described.refuse("data_format", "needs sequences: the layer before it must return them")
    return FloatPooling(described.name, pooling, described.inputs)


_OPTIONS = {"data_format": only("channels_last", None), "keepdims": only(False)}
KERAS = (
    KerasClass("GlobalAveragePooling1D", _OPTIONS, lambda described: _read(described, "average")),
    KerasClass("GlobalMaxPooling1D", _OPTIONS, lambda described: _read(described, "max")),
)


def real_steps(x: Floats | Ints, length: Ints) -> np.ndarray:
    """Which steps of ``x [batch, time, D]`` belong to their sequences, ``[batch, time, 1]``."""
    return (np.arange(x.shape[1]) < length[:, None])[..., None]


@dataclasses.dataclass(frozen=True)
class FloatPooling(SameSize, Once, FloatLayer):
    """Pooling of D channels over all steps; ``pooling`` is average or max."""

    kind: ClassVar[str] = "pooling"

    name: str
    pooling: str
    size: int

    def counts_padding(self, held: bool) -> bool:
        """Keras gives the maximum no mask; a step that is repeated does not change it."""
        return self.pooling == "max" and not held

    def forward(self, x: Floats, length: Ints) -> Floats:  # noqa: D102
        real = real_steps(x, length)
        if self.pooling == "max":
            return np.where(real, x, -np.inf).max(axis=1, keepdims=True)
        return np.where(real, x, 0.0).sum(axis=1, keepdims=True) / length[:, None, None]

    def scale_behind(self, scale: Floats, offset: Floats) -> tuple[Floats, Floats] | None:  # noqa: D102
        # max(s v + o) = s max(v) + o of positive scales, the mean's of all
        return (scale, offset) if self.pooling == "average" or (scale > 0).all() else None

    @classmethod
    def of_numbers(cls, layer: Any, numbers: Mapping[str, Floats]) -> FloatPooling:  # noqa: D102
        return cls(layer.name, layer.pooling, layer.size)

    def quantize(self, source: Format, data: Calibration, precision: Precision) -> PoolingLayer:  # noqa: D102
        return PoolingLayer(self.name, source, self.pooling, self.size)


@dataclasses.dataclass(frozen=True, eq=False)
class PoolingLayer(SameSize, Once, Layer):
    """Pooling of D channels over all steps of a sequence, in integers; ``output`` is ``input``.

    Parameters
    ----------
    pooling: ``average``, rounded half up; ``max``.
    size: D, the number of channels.
    steps: of the longest sequence, which bounds the sums of an average; 0 for a maximum, which nothing bounds.
    """

    kind: ClassVar[str] = "pooling"
    arrays: ClassVar[tuple[str, ...]] = ()

    name: str
    input: Format
    pooling: str
    size: int
    steps: int = 0

    def __post_init__(self) -> None:
        where = f"layer {self.name!r}"
        require(isinstance(self.input, (Fixed, Unorm)), f"{where} cannot take {self.input} as input")
        require(self.pooling in POOLINGS, f"{where}: pooling must be average or max, not {self.pooling!r}")
        require(type(self.size) is int and self.size >= 1, f"{where}: size must be at least 1, not {self.size!r}")
        sound = type(self.steps) is int and 0 <= self.steps <= MOST_STEPS
        require(sound, f"{where}: steps must be a whole number up to {MOST_STEPS}, not {self.steps!r}")
        require(self.steps == 0 or self.pooling == "average", f"{where}: a maximum has no bound of steps")

    @property
    def output(self) -> Format:  # type: ignore[override]
        """As the input."""
        return self.input

    @property
    def max_steps(self) -> int | None:  # noqa: D102
        return None if self.pooling == "max" else max(1, self.steps)

    def bounded(self, steps: int) -> PoolingLayer:  # noqa: D102
        return self if self.pooling == "max" else dataclasses.replace(self, steps=steps)

    @property
    def span(self) -> int:
        """Largest code, counted from the smallest one: what each step adds to a sum at most."""
        return self.input.max - self.input.min

    @property
    def largest_number(self) -> int:  # noqa: D102
        # a sum and half a divisor
        return max(1, self.steps) * (self.span + 1)

    def run(self, x: Ints, length: Ints, state: Ints, trace: bool) -> Given:  # noqa: D102
        real = real_steps(x, length)
        if self.pooling == "max":
            return Given(np.where(real, x, self.input.min).max(axis=1, keepdims=True))
        total, n = np.where(real, x, 0).sum(axis=1, keepdims=True), length[:, None, None]
        # round(sum / n) = floor((2 sum + n) / (2 n))
        return Given((2 * total + n) // (2 * n))

"""Reversal of each sequence: its last step first. What a recurrent layer with ``go_backwards`` has in front of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ffhw.layers.base import Calibration, EachStep, FloatLayer, Floats, Given, Ints, Layer, SameSize, require
from ffhw.layers.description import KerasClass
from ffhw.layers.rhythm import MOST_STEPS
from ffhw.numbers.formats import Format
from ffhw.numbers.scales import Precision

# No Keras class becomes one: a recurrent layer that goes backwards is read as two layers.
KERAS: tuple[KerasClass, ...] = ()


def backwards(x: Floats | Ints, length: Ints) -> np.ndarray:
    """Sequences ``[batch, time, D]`` with their steps in reverse; what lies past their ends stays there."""
    t = np.arange(x.shape[1])
    order = np.where(t < length[:, None], length[:, None] - 1 - t, t)
    return np.take_along_axis(x, order[..., None], axis=1)


def check_steps(name: str, steps: object) -> None:
    """Refuse a bound of steps that no hardware has."""
    sound = type(steps) is int and 1 <= steps <= MOST_STEPS
    require(sound, f"layer {name!r}: steps must be a whole number from 1 to {MOST_STEPS}, not {steps!r}")


@dataclasses.dataclass(frozen=True)
class FloatReversal(SameSize, EachStep, FloatLayer):
    """Reversal of sequences of D elements a step."""

    kind: ClassVar[str] = "reversal"
    moves_steps: ClassVar[bool] = True

    name: str
    size: int

    def forward(self, x: Floats, length: Ints) -> Floats:  # noqa: D102
        return backwards(x, length)

    def scale_behind(self, scale: Floats, offset: Floats) -> tuple[Floats, Floats]:  # noqa: D102
        return scale, offset

    @classmethod
    def of_numbers(cls, layer: Any, numbers: Mapping[str, Floats]) -> FloatReversal:  # noqa: D102
        return cls(layer.name, layer.size)

    def quantize(self, source: Format, data: Calibration, precision: Precision) -> ReversalLayer:  # noqa: D102
        return ReversalLayer(self.name, source, self.size, data.inputs.shape[1])


@dataclasses.dataclass(frozen=True, eq=False)
class ReversalLayer(SameSize, EachStep, Layer):
    """Reversal of sequences of D codes a step; ``steps``: of the longest one that hardware stores."""

    kind: ClassVar[str] = "reversal"
    arrays: ClassVar[tuple[str, ...]] = ()
    stores: ClassVar[bool] = True

    name: str
    input: Format
    size: int
    steps: int

    def __post_init__(self) -> None:
        require(type(self.size) is int and self.size >= 1, f"layer {self.name!r}: size must be at least 1")
        check_steps(self.name, self.steps)

    @property
    def output(self) -> Format:  # type: ignore[override]
        """As the input."""
        return self.input

    @property
    def max_steps(self) -> int | None:  # noqa: D102
        return self.steps

    def bounded(self, steps: int) -> ReversalLayer:  # noqa: D102
        return dataclasses.replace(self, steps=steps)

    def run(self, x: Ints, length: Ints, state: Ints, trace: bool) -> Given:  # noqa: D102
        return Given(backwards(x, length))

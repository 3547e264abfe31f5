"""What the tensors of a float ONNX graph stand for while it is read.

A NumPy array is a constant. Everything else is one of these three: the data that flow through the chain of layers, with
a letter for each axis; sizes taken from their shape; zeros of whatever shape.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from ffhw.errors import InputError

# Letters of axes: batch, time, features (elements of a step), directions of a recurrent layer, an axis of size 1.
BATCH, TIME, FEATURES, DIRECTIONS, UNIT = "btfdu"


@dataclasses.dataclass(frozen=True)
class Flow:
    """Data behind the first ``made`` parts of the chain.

    axes: a letter each; ``bt`` in one is both laid out flat. size: elements a step.
    directions: how many the axis ``d`` holds. direction: the one that these are, of a bidirectional layer.
    final: states after the last step, of a layer that gives those of all steps as well: as many parts behind it only
        move steps about.
    """

    axes: tuple[str, ...]
    size: int
    made: int
    directions: int = 1
    direction: int | None = None
    final: int | None = None

    def axis(self, number: Any) -> int:
        """An axis counted from either end, as one from the front."""
        rank, n = len(self.axes), int(number)
        if not -rank <= n < rank:
            raise InputError(f"an axis {n} of {rank} does not exist")
        return n % rank

    def without(self, axis: int, **changes: Any) -> Flow:
        """The same with an axis less."""
        return dataclasses.replace(self, axes=self.axes[:axis] + self.axes[axis + 1 :], **changes)

    @property
    def shape(self) -> tuple[int | str, ...]:
        """Sizes where they are known, letters of axes elsewhere."""
        known = {FEATURES: self.size, DIRECTIONS: self.directions, UNIT: 1}
        return tuple(known.get(axis, axis) for axis in self.axes)


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Sizes of axes: whole numbers, or letters of axes whose size is open. One of them is a number as well."""

    entries: tuple[int | str, ...]


class _Zeros:
    """Zeros: what an initial state is made of."""


ZEROS: Final = _Zeros()
Value = Flow | Sizes | _Zeros | np.ndarray
# What an operator's outputs stand for, from the walk, the operator and what its inputs stand for.
Rule = Callable[..., list[Value]]


def are_zeros(value: Value | None) -> bool:
    """Whether something is nothing but zeros; what is left out is."""
    return value is None or value is ZEROS or (isinstance(value, np.ndarray) and not value.any())


def sizes_of(value: Value) -> tuple[int | str, ...] | None:
    """Entries of sizes, or of a short constant of whole numbers; None of anything else."""
    if isinstance(value, Sizes):
        return value.entries
    if isinstance(value, np.ndarray) and value.dtype.kind in "iu" and value.size <= 16:
        return tuple(int(entry) for entry in value.reshape(-1))
    return None

"""What the tensors of a float ONNX graph stand for while it is read.

A NumPy array is a constant. Everything else is one of these: the data that flow through the chain of layers, with
a letter for each axis; final states of several layers; sizes taken from shapes; first states of whatever shape; what no
rule may take.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
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
    fixed: sizes of batch and time, by letter, where the file says how many there are.
    """

    axes: tuple[str, ...]
    size: int
    made: int
    directions: int = 1
    direction: int | None = None
    final: int | None = None
    fixed: Mapping[str, int] = dataclasses.field(default_factory=dict)

    def axis(self, number: Any) -> int:
        """An axis counted from either end, as one from the front."""
        rank, n = len(self.axes), int(number)
        if not -rank <= n < rank:
            raise InputError(f"an axis {n} of {rank} does not exist")
        return n % rank

    def without(self, axis: int, **changes: Any) -> Flow:
        """The same with an axis less."""
        return dataclasses.replace(self, axes=self.axes[:axis] + self.axes[axis + 1 :], **changes)

    def is_size(self, wanted: int | str, size: int | str) -> bool:
        """Whether a size that is asked for, -1 if whatever is left, is this one: a number, or a letter of ``shape``."""
        return wanted in (size, -1) or (isinstance(size, str) and wanted == self.fixed_size(size))

    def fixed_size(self, axis: str) -> int | None:
        """How many a letter, or several laid out flat, stand for, if the file says so."""
        sizes = [self.fixed.get(letter, 0) for letter in axis]
        return math.prod(sizes) or None

    @property
    def shape(self) -> tuple[int | str, ...]:
        """Sizes where they are known, letters of axes elsewhere."""
        known = {FEATURES: self.size, DIRECTIONS: self.directions, UNIT: 1}
        return tuple(known.get(axis, axis) for axis in self.axes)


@dataclasses.dataclass(frozen=True)
class States:
    """Final states of several layers, in the axis of directions one after the other: what PyTorch calls h_n.

    flows: those of each layer, with the same axes. apart: the layers have an axis of their own, in front.
    """

    flows: tuple[Flow, ...]
    apart: bool = False


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Sizes of axes: whole numbers, or letters of axes whose size is open. One of them is a number as well."""

    entries: tuple[int | str, ...]


@dataclasses.dataclass(frozen=True)
class Unread:
    """What an operator gives that no answer may be made of.

    why: what is said of an operator that takes it. refusal: the message about the first one that did.
    state: whether it is a layer's state after the last step, with no more than its axes moved.
    """

    why: str
    refusal: str = ""
    state: bool = False


@dataclasses.dataclass(frozen=True)
class FirstState:
    """What sequences start from, of whatever shape: an input of the model, by its name, or zeros."""

    given: str = ""


ZEROS: Final = FirstState()
Value = Flow | States | Sizes | Unread | FirstState | np.ndarray
# What an operator's outputs stand for, from the walk, the operator and what its inputs stand for.
Rule = Callable[..., list[Value]]


def are_zeros(value: Value | None) -> bool:
    """Whether something is nothing but zeros; what is left out is."""
    if isinstance(value, FirstState):
        return not value.given
    return value is None or (isinstance(value, np.ndarray) and not value.any())


def sizes_of(value: Value) -> tuple[int | str, ...] | None:
    """Entries of sizes, or of a short constant of whole numbers; None of anything else."""
    if isinstance(value, Sizes):
        return value.entries
    if isinstance(value, np.ndarray) and value.dtype.kind in "iu" and value.size <= 16:
        return tuple(int(entry) for entry in value.reshape(-1))
    return None

"""Scales that are kept: written down as they are chosen, and used again for other numbers of the same network.

Hardware that was built for formats takes any weights of these formats; see ``ffhw export --generic-weights``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from ffhw.errors import InputError
from ffhw.numbers.grids import WeightBits, weight_grid
from ffhw.numbers.scales import Precision, saturating


@dataclasses.dataclass(frozen=True)
class RecordedPrecision(Precision):
    """A precision that remembers the fraction bits that it chose, ``chosen``, in their order."""

    chosen: list[int] = dataclasses.field(default_factory=list)

    def choose(self, *arguments: object, **options: object) -> int:  # noqa: D102
        self.chosen.append(super().choose(*arguments, **options))  # type: ignore[arg-type]
        return self.chosen[-1]


@dataclasses.dataclass
class Saturated:
    """Of some numbers of a layer, how many lie outside the format that is kept."""

    layer: str
    what: str
    count: int
    total: int


@dataclasses.dataclass(frozen=True)
class KeptPrecision(Precision):
    """A precision that chooses as another one did, whatever the numbers are.

    Parameters
    ----------
    chosen: fraction bits in the order in which they were chosen.

    Attributes
    ----------
    saturated: what does not fit into the formats, in that order.
    """

    chosen: tuple[int, ...] = ()
    saturated: list[Saturated] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "_left", iter(self.chosen))
        object.__setattr__(self, "_layer", "the input")

    _left: Iterator[int] = dataclasses.field(init=False, repr=False)
    _layer: str = dataclasses.field(init=False, repr=False)

    def within(self, layer: str) -> None:  # noqa: D102
        object.__setattr__(self, "_layer", f"layer {layer!r}")

    def choose(self, what: str, values: ArrayLike, bits: WeightBits, *_: object, **__: object) -> int:  # noqa: D102
        frac = next(self._left, None)
        if frac is None:
            raise InputError(f"{self._layer} is one that the bundle's network does not have: export this model anew")
        count = saturating(values, weight_grid(bits, frac))
        if count:
            self.saturated.append(Saturated(self._layer, what, count, np.size(values)))
        return frac

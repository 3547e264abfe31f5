"""Which of a quantized layer's scales may be other ones, and which sums become finer or coarser with them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Self


@dataclasses.dataclass(frozen=True)
class Term:
    """Of a sum, one of its products, or what is read of it: the fraction bits, and which scales would make it finer."""

    frac: int
    scales: tuple[str, ...] = ()

    def within(self, prefix: str) -> Term:
        """As a layer sees it whose part ``prefix`` has this sum; both take the same input."""
        return Term(self.frac, tuple(name if name == "input" else f"{prefix}.{name}" for name in self.scales))


class FreeScales:
    """What a layer answers where training chooses scales; here that of a layer with none."""

    @property
    def free_scales(self) -> tuple[str, ...]:
        """What has a scale that may be another one: arrays by name, ``input`` and ``output``."""
        return ()

    def refined(self, finer: Mapping[str, int]) -> Self:
        """The layer with so many more fraction bits of its free scales, by name."""
        return self

    @property
    def sum_terms(self) -> dict[str, tuple[Term, ...]]:
        """Of each array that is added to sums, a bias, what decides how fine these are."""
        return {}

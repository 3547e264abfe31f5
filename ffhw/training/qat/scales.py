"""Learned scales: real exponents whose rounded values say where binary points lie.

A layer is described at its finest. An exponent e from -2 SPAN to 0, a number that trains, makes a grid of it coarser by
-e bits, so that scales stay powers of two and the middle of the range is what calibration chose. In the finest layer's
codes, which floats hold exactly:

    v = Q(x 2^e) 2^-e                  dv/de = ln 2 (x - v), or -ln 2 v where x saturates

which is the gradient of learned step sizes (LSQ), taken by the step's logarithm.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any

from keras import ops

from ffhw.layers.base import Layer
from ffhw.layers.settled import SPAN
from ffhw.numbers.grids import Grid
from ffhw.training.qat.codes import Rounding, taken

# A bias follows the finest of its sums, whose products two exponents may move.
_MOST = 4 * SPAN


@dataclasses.dataclass(frozen=True)
class Scales:
    """The exponents of a layer in one step of training, as floats of the layer's type.

    layer: at its finest. exponents: by what they scale, see :attr:`ffhw.layers.free_scales.FreeScales`.
    """

    layer: Layer
    exponents: Mapping[str, Any]

    @classmethod
    def of(cls, layer: Layer, trained: Mapping[str, Any], dtype: str, rounding: Rounding) -> Scales:
        """The exponents that trained numbers are rounded to; beyond their range they keep their gradient."""

        def rounded(number: Any) -> Any:
            real = ops.cast(number, dtype)
            whole = Rounding(straight=False).half_up
            return rounding.join(lambda: ops.clip(whole(real), -2.0 * SPAN, 0.0), lambda: real)

        return cls(layer, {name: rounded(number) for name, number in trained.items()})

    def scaled(self, name: str, values: Any, up: bool = True) -> Any:
        """``values 2^e``, or ``values 2^-e`` if not ``up``, with gradients for both; as they are where none learns."""
        e = self.exponents.get(name)
        return values if e is None else values * power(e if up else -e)

    def weight_codes(self, name: str, scaled: Any, grid: Grid, rounding: Rounding) -> Any:
        """Codes of the finest layer's array ``name`` from its numbers, in that grid's steps."""
        e = self._finer(name)
        fine, coarse = (1.0, 1.0) if e is None else (ops.stop_gradient(power(e)), ops.stop_gradient(power(-e)))
        steps = scaled * fine

        def hard() -> Any:
            return _codes(grid, steps) * coarse

        def soft() -> Any:
            # saturated codes keep their gradient, or their number would never come back
            if e is None or name not in self.exponents:
                return scaled
            inside = ops.logical_and(steps >= grid.low, steps <= grid.high) if grid.zero else False
            slope = math.log(2) * (ops.where(inside, steps, 0.0) - _codes(grid, steps)) * coarse
            return scaled + ops.stop_gradient(slope) * e

        # coarser answers are smaller sums: the numbers behind them are larger again
        return self.scaled("output", rounding.join(hard, soft))

    def _finer(self, name: str) -> Any:
        """By how many bits the grid of an array is finer than the finest layer's, -e; None: it does not move."""
        terms = self.layer.sum_terms.get(name)
        if terms is None or not self.exponents:
            return self.exponents.get(name)
        moved = [sum((self.exponents.get(scale, 0.0) for scale in term.scales), float(term.frac)) for term in terms]
        finest = moved[0]
        for frac in moved[1:]:
            finest = ops.maximum(finest, frac)
        return finest - max(term.frac for term in terms)


def _codes(grid: Grid, steps: Any) -> Any:
    if not grid.zero:
        return ops.where(steps >= 0, float(grid.high), float(grid.low))
    return ops.clip(Rounding(straight=False).half_up(steps), float(grid.low), float(grid.high))


def power(e: Any) -> Any:
    """``2^e`` of whole numbers up to 4 SPAN, exact, which no backend's own power promises; its gradient is ln 2 2^e."""
    values = [2.0**whole for whole in range(-_MOST, _MOST + 1)]
    exact = taken(values, ops.stop_gradient(e), -_MOST)
    # 1 + 0, so that the value is the table's
    return exact * (1.0 + math.log(2) * (e - ops.stop_gradient(e)))


def corners(layer: Layer, names: tuple[str, ...]) -> Iterator[Layer]:
    """The layer with each scale at either end of its range: numbers of all others lie between."""
    for ends in itertools.product((-2 * SPAN, 0), repeat=len(names)):
        yield layer.refined(dict(zip(names, ends, strict=True)))

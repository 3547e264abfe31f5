"""Layers with an accumulator: where its binary point lies, how large it can become, in what type its sums are exact.

acc = (Wx x) << shift_x  +  (Wh h) << shift_h  +  bias          with acc_frac fraction bits, exact
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Self

import numpy as np

from ffhw.layers.base import Floats, Ints, Layer, NetworkError, require
from ffhw.layers.free_scales import Term
from ffhw.numbers.formats import Fixed, Format, Unorm, UnormSum, signed_width
from ffhw.numbers.grids import Grid, WeightBits, stored_bits, weight_grid

# Products and sums are computed by floating-point units somewhere: a double holds every integer below this.
MAX_ACCUMULATOR = 1 << 53
# And a single, every integer up to this.
EXACT_IN_SINGLE = 1 << 24
# Products that are shifted farther are all 0, or beyond a double.
MAX_SHIFT = 64


def bias_grid(acc_frac: int) -> Grid:
    """Where biases lie: at an accumulator's own resolution."""
    return Grid(acc_frac, -MAX_ACCUMULATOR, MAX_ACCUMULATOR)


def exact_sum(weights: Ints) -> Any:
    """``sum |w|`` over the last axis as Python integers: a bound must not wrap around when it is exceeded."""
    return np.abs(weights).sum(axis=-1).astype(object)


def product_frac(name: str, source: Format) -> int:
    """Fraction bits that a product gains from an input code of format ``source``.

    Raises
    ------
    NetworkError: such codes cannot be multiplied: they count, they do not measure.
    """
    if not isinstance(source, (Fixed, Unorm, UnormSum)):
        raise NetworkError(f"layer {name!r} cannot take {source} as input")
    return source.frac


class WeightedLayer(Layer):
    """A layer of weighted sums. One accumulator for each unit and gate."""

    dependent: ClassVar[int] = 0  # so many of the gates, the last ones, multiply what other gates make of the state

    unsaid: ClassVar[tuple[str, ...]] = ("acc_bits",)  # fields that a description leaves out where they are off

    weight_bits: WeightBits
    acc_bits: int = 0  # of an accumulator, where they are not what the weights need

    @property
    def units(self) -> int:
        """N, the number of units."""
        raise NotImplementedError

    @property
    def gates(self) -> int:
        """Products a unit and vector element."""
        return 1

    @property
    def sums(self) -> int:
        """Accumulators a unit: one a gate, or two of a gate whose recurrent sum is kept apart."""
        return self.gates

    @property
    def rounds(self) -> int:
        """Times a step that hardware goes through all units: once, or for each gate where some depend on others."""
        return self.gates if self.dependent else 1

    @property
    def recurrent_size(self) -> int:
        """Elements of the state that are multiplied by weights; 0 without a state."""
        return 0

    def weight_grid(self, frac: int = 0) -> Grid:
        """Where the weights lie, at these fraction bits.

        Raises
        ------
        NetworkError: weights have no such width.
        """
        try:
            return weight_grid(self.weight_bits, frac)
        except (TypeError, ValueError) as error:
            raise NetworkError(f"layer {self.name!r}: {error}") from None

    @property
    def multiplied(self) -> bool:
        """Whether the products of its weights are those of a multiplier; those of -1, 0 and 1 are a choice."""
        return not isinstance(self.weight_bits, str)

    @property
    def stored_bits(self) -> int:
        """Bits of memory that a weight takes."""
        return stored_bits(self.weight_bits)

    @property
    def operands(self) -> tuple[tuple[Format, int], ...]:
        """What weights are multiplied by, inputs first: format of the codes, and their shift to the accumulator."""
        raise NotImplementedError

    @property
    def matrices(self) -> tuple[Ints, ...]:
        """Weights of each operand, ``[gates, N, elements]``."""
        raise NotImplementedError

    @property
    def terms(self) -> tuple[Term, ...]:
        """What decides how fine the accumulator is: products, and what is read of their sum."""
        raise NotImplementedError

    @property
    def sum_terms(self) -> dict[str, tuple[Term, ...]]:  # noqa: D102
        return {"bias": self.terms}

    @property
    def acc_frac(self) -> int:
        """Fraction bits of an accumulator: the finest of its terms'."""
        return max(term.frac for term in self.terms)

    @property
    def result_shift(self) -> int:
        """Right shift from the accumulator to what reads it, a table index or an output code."""
        raise NotImplementedError

    def accumulator_bounds(self) -> Any:
        """``sum |w| * max |in| + |bias|`` for each accumulator, Python integers; no partial sum ever exceeds it."""
        raise NotImplementedError

    @property
    def acc_bound(self) -> int:
        """Largest magnitude any accumulator of the layer can reach."""
        return int(self.accumulator_bounds().max())

    @property
    def acc_width(self) -> int:
        """Bits of a two's complement accumulator that never overflows."""
        return self.acc_bits or signed_width(-self.acc_bound, self.acc_bound)

    def generic(self) -> Self:
        """The layer with accumulators for any weights of its formats, and for biases as large as their sums."""
        largest = -self.weight_grid().low
        # the largest sum of weights = D * max |w| * max |in|, of inputs and states; as much again for the bias
        sums = sum(
            matrix.shape[-1] * largest * (fmt.magnitude << shift)
            for matrix, (fmt, shift) in zip(self.matrices, self.operands, strict=True)
        )
        bound = 2 * sums + (1 << self.result_shift)
        require(bound < MAX_ACCUMULATOR, f"layer {self.name!r}: weights of these formats reach {bound}: use fewer bits")
        return dataclasses.replace(self, acc_bits=signed_width(-bound, bound))  # type: ignore[type-var]

    def describe(self) -> dict[str, Any]:  # noqa: D102
        return {name: value for name, value in super().describe().items() if value or name not in self.unsaid}

    @property
    def largest_number(self) -> int:  # noqa: D102
        # an accumulator, and what is added to make it non-negative before a shift
        return 2 * (self.acc_bound + (2 << self.result_shift))

    def matmul_type(self) -> Any:
        """Floating-point type in which every partial sum of the layer is an exact integer."""
        bound = self.acc_bound
        if bound < EXACT_IN_SINGLE:
            return np.float32
        assert bound < MAX_ACCUMULATOR, f"layer {self.name!r}: accumulators reach {bound}"
        return np.float64

    def _freeze_weights(self, field: str, shape: tuple[int, ...], empty: bool = False) -> None:
        """As :meth:`_freeze`, of weights."""
        grid = self.weight_grid()
        self._freeze(field, shape, grid.low, grid.high, empty)
        sound = grid.zero or bool(getattr(self, field).all())
        require(sound, f"layer {self.name!r}: {field} must be {grid.low} or {grid.high} ({self.weight_bits}), found 0")

    def _check_bound(self) -> None:
        # before anything is shifted: a file may ask for a number that fills all memory
        farthest = max((shift for _, shift in self.operands), default=0)
        require(
            farthest <= MAX_SHIFT,
            f"layer {self.name!r}: accumulators reach 2^{farthest}, over the limit of 2^53: use fewer bits",
        )
        require(
            self.acc_bound < MAX_ACCUMULATOR,
            f"layer {self.name!r}: accumulators reach {self.acc_bound}, over the limit of 2^53: use fewer bits",
        )
        needed = signed_width(-self.acc_bound, self.acc_bound)
        require(
            not self.acc_bits or needed <= self.acc_bits <= MAX_ACCUMULATOR.bit_length(),
            f"layer {self.name!r}: weights and biases need accumulators of {needed} bits, its hardware has "
            f"{self.acc_bits}",
        )


def affine(x: Floats, weights: Floats, bias: Floats) -> Floats:
    """``W x + b`` for ``weights [..., D]`` and ``bias [...]``, the leading axes laid out flat."""
    return x @ weights.reshape(-1, weights.shape[-1]).T + bias.reshape(-1)

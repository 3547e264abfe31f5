"""The choice of scales: how many bits each kind of number has, and where its binary point lies.

Every scale is a power of two, chosen tensor by tensor: by *range*, the finest grid on which nothing saturates, or by
*error*, the grid of least mean square error, which may saturate a few outliers to resolve all others better.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ffhw.errors import InputError
from ffhw.numbers.formats import Fixed, Format, Unorm, UnormSum
from ffhw.numbers.grids import FEW, WEIGHT_WIDTHS, Grid, WeightBits, weight_grid

METHODS = ("error", "range", "percentile")
# Of the data: the largest tenth of a percent may saturate.
PERCENTILE = 99.9
# Grids of the least-error search: from the range's grid to this many bits finer.
_FINER = 4
# The same of few codes, whose best grid follows the bulk of the values, however far the largest of them lies.
_FINER_OF_FEW = 12
# Powers of two by which channels of one tensor may differ.
MAX_EXPONENT = 40
# Beyond this a scale is no longer a finite double.
_FRAC_LIMIT = 512


@dataclasses.dataclass(frozen=True)
class Widths:
    """Bits of each kind of number; ``bits`` is what the others default to, and ``state_bits`` what ``cell_bits`` does.

    weight_bits: also ``ternary`` or ``binary``, see :mod:`ffhw.numbers.grids`.

    Raises
    ------
    InputError: a width is not from 1 to 16, nor the name of one.
    """

    bits: int = 8
    weight_bits: WeightBits = None  # type: ignore[assignment]  # filled in below
    state_bits: int = None  # type: ignore[assignment]
    input_bits: int = None  # type: ignore[assignment]
    cell_bits: int = None  # type: ignore[assignment]  # of an LSTM's cell state

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is None:
                default = self.state_bits if field.name == "cell_bits" else self.bits
                object.__setattr__(self, field.name, default)
                continue
            weight = field.name == "weight_bits"
            named = weight and isinstance(value, str) and value in FEW
            if not named and (isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 16):
                option = "--" + field.name.replace("_", "-")
                raise InputError(f"{option} must be {WEIGHT_WIDTHS if weight else 'from 1 to 16'}, not {value!r}")


@dataclasses.dataclass(frozen=True)
class Precision:
    """How a network is quantized: the widths, and the method by which scales are chosen.

    method: ``error``, ``range`` or ``percentile``, see :func:`choose_frac`; the last one is for data only, weights then
        go by their error.
    """

    widths: Widths = dataclasses.field(default_factory=Widths)
    method: str = "error"

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise InputError(f"--calibration must be one of {', '.join(METHODS)}, not {self.method!r}")

    def data(self, values: ArrayLike, bits: int) -> Fixed:
        """The ``Fixed`` format of ``bits`` bits for numbers like these: inputs, or what a layer gives."""
        return Fixed(bits, self.choose("numbers", values, bits, self.method))

    def fixed(self, values: ArrayLike, bits: int) -> Fixed:
        """The ``Fixed`` format of ``bits`` bits that represents these very numbers best."""
        return Fixed(bits, self.choose("numbers", values, bits, self._exact))

    def weights(self, values: ArrayLike, source: Format, result_frac: int) -> tuple[NDArray[np.int64], int]:
        """Integer weights on inputs of format ``source``, and their fraction bits; see :func:`weight_unit`.

        Parameters
        ----------
        values: ``[..., D]``, D weights a sum.
        result_frac: fraction bits of what is read of the sum. A grid so fine that the roundings of all D weights
            together move the sum by less than a quarter of that is fine enough: a finer one would widen operands and
            accumulators, and move nothing.
        """
        scaled = np.asarray(values, dtype=np.float64) * weight_unit(source)
        largest_input = source.magnitude / source.scale
        # D * largest_input * 2^-(frac + 1) <= 2^-(result_frac + 2)
        finest = result_frac + 1 + math.ceil(math.log2(scaled.shape[-1] * largest_input))
        frac = self.choose("weights", scaled, self.widths.weight_bits, self._exact, finest)
        return weight_grid(self.widths.weight_bits, frac).quantize(scaled), frac

    def choose(self, what: str, values: ArrayLike, bits: WeightBits, method: str, finest: int = _FRAC_LIMIT) -> int:
        """Fraction bits for ``values``, the one place where a scale is chosen.

        what: ``numbers`` or ``weights``. finest: fraction bits at most.
        """
        return min(choose_frac(values, bits, method), finest)

    @property
    def _exact(self) -> str:
        """The method for numbers that are known, where no outlier is to be left out."""
        return "error" if self.method == "percentile" else self.method

    def within(self, layer: str) -> None:
        """From now on, scales are those of this layer."""


def channel_scales(exponents: Sequence[int]) -> Any:
    """``2^exponent`` of each channel; 1 where they have none of their own."""
    return np.exp2(np.array(exponents, dtype=np.float64)) if exponents else 1.0


def weight_unit(source: Format) -> float:
    """What a weight on inputs of format ``source`` is multiplied by before it is put on a grid.

    A product with a Unorm code q of value q / M is worth ``w q / M``; on a grid of ``w 2^b / M`` it is
    ``W q 2^-(frac + b)``, with no division anywhere.
    """
    return 2.0**source.frac / source.scale if isinstance(source, (Unorm, UnormSum)) else 1.0


def bias_codes(values: ArrayLike, acc_frac: int, limit: ArrayLike) -> NDArray[np.int64]:
    """Bias codes at the resolution of an accumulator of ``acc_frac`` fraction bits, rounded half up.

    limit: of each magnitude; from there on, no weighted sum can bring the accumulator back to where its result changes.
    """
    exact = np.floor(np.asarray(values, dtype=np.float64) * 2.0**acc_frac + 0.5)
    bound = np.asarray(limit, dtype=np.float64)
    return np.clip(exact, -bound, bound).astype(np.int64)


def choose_frac(values: ArrayLike, bits: WeightBits, method: str = "error") -> int:
    """Fraction bits of the grid of ``bits`` bits, or of few codes, that represents ``values`` best.

    Parameters
    ----------
    values: any shape; finite.
    method: ``range``: the most fraction bits with which no value saturates by more than half a step;
        ``error``: of that grid and the four next finer ones, twelve of few codes, the one of least mean square error;
        ``percentile``: the range of all but the largest tenth of a percent, which saturate.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, not {method!r}")
    v = np.asarray(values, dtype=np.float64).ravel()
    if method == "percentile" and v.size:
        bound = float(np.percentile(np.abs(v), PERCENTILE))
        v, method = v[np.abs(v) <= bound], "range"
    peak = float(np.abs(v).max(initial=0.0))
    grid = weight_grid(bits)
    if peak == 0.0:
        # where 0 is no code, the one nearest to it
        return grid.high.bit_length() if grid.zero else _FRAC_LIMIT
    # peak lies in [2^(e-1), 2^e), so that the finest grid it fits is one of three
    frac = min(grid.high.bit_length() - int(np.frexp(peak)[1]), _FRAC_LIMIT)
    frac = max(f for f in (frac - 1, frac, frac + 1) if _fits(v, weight_grid(bits, f)) or f < frac)
    frac = min(frac, _FRAC_LIMIT)
    if method == "range":
        return frac
    finer = _FINER_OF_FEW if isinstance(bits, str) else _FINER
    errors = [_square_error(v, weight_grid(bits, f), 2.0**frac) for f in range(frac, frac + finer + 1)]
    return min(frac + int(np.argmin(errors)), _FRAC_LIMIT)


def saturating(values: ArrayLike, grid: Grid) -> int:
    """How many values saturate by more than the half step that rounding costs anyway."""
    v, (low, high) = np.asarray(values, dtype=np.float64), grid.reach
    return int(((v >= high) | (v < low)).sum())


def _fits(v: Any, grid: Grid) -> bool:
    """Whether no value saturates; as :func:`saturating`, without a look at each."""
    low, high = grid.reach
    return bool(v.max() < high and v.min() >= low)


def _square_error(v: Any, grid: Grid, unit: float) -> float:
    # in units of a step, whatever the numbers' size: squares of the largest doubles are none
    return float(np.square((grid.dequantize(grid.quantize(v)) - v) * unit).sum())

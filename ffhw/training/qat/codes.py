"""Codes that carry gradients: floats that hold the golden model's integers, and pass its rules.

The rules are those of :mod:`ffhw.layers`, written for arrays of integers; a tensor behind :class:`Codes` runs them as
it is. Forward, each rounding and each table gives the golden model's code. Backward, each of them is taken for the
smooth function it approximates (straight-through estimate):

    floor(v / 2^n), floor(v / 2^n + 1/2)   v / 2^n
    table[v >> n]                          the function without its clip, at v, in codes; of one or two bits at 2 v
    round((G a + (M - G) b) / M)           (G a + (M - G) b) / M
    saturation                             as it is: no gradient outside

A float holds these integers exactly while they are below 2^24 or 2^53, see :func:`float_type`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from ffhw.layers.base import Layer
from ffhw.layers.weighted import EXACT_IN_SINGLE, MAX_ACCUMULATOR
from ffhw.numbers.traced import Traced
from ffhw.training.layers.gates import closing_sigmoid

# By a table's bits. A gate of one or two bits holds a state for ever by its code 0, where the curve still has a slope;
# passed on at each of hundreds of steps, it grows without bound. A steeper curve leaves enough for such units to learn.
# With four bits a memory learned worse by it.
STEEPNESS = {1: 2.0, 2: 2.0}
# The smooth function of each table, by its name.
SMOOTH = {"sigmoid": ops.sigmoid, "tanh": ops.tanh, "closing_sigmoid": closing_sigmoid}


@dataclasses.dataclass(frozen=True)
class Rounding:
    """How numbers round.

    exact: to the golden model's codes; else not at all, which makes a layer that of floats.
    straight: whether gradients are wanted: the smooth function is worked out as well.
    """

    exact: bool = True
    straight: bool = True

    def join(self, hard: Callable[[], Any], soft: Callable[[], Any]) -> Any:
        """``hard`` with the gradient of ``soft``."""
        if not self.exact:
            return soft()
        if not self.straight:
            return hard()
        smooth = soft()
        # smooth - smooth is 0 exactly, so that the value is that of hard
        return ops.stop_gradient(hard()) + (smooth - ops.stop_gradient(smooth))

    def half_up(self, v: Any) -> Any:
        """``floor(v + 1/2)`` of real numbers, exact in any float."""

        def hard() -> Any:
            low = ops.floor(v)
            # v + 1/2 itself may round: 0.49999997 would become 1
            return low + ops.cast(v - low >= 0.5, v.dtype)

        return self.join(hard, lambda: v)

    def saturated(self, v: Any, low: float, high: float) -> Any:
        """``v`` between two codes; both ends count as inside, of which backends think differently."""
        inside = ops.logical_and(v >= low, v <= high)
        return self.join(lambda: ops.clip(v, low, high), lambda: ops.where(inside, v, 0.0))


class Codes(Traced):
    """A tensor of codes. Takes part in the golden model's rules as an array of integers does."""

    __array_priority__ = 1000

    def __init__(self, tensor: Any, rounding: Rounding) -> None:
        self.tensor = tensor
        self.rounding = rounding

    def _new(self, tensor: Any) -> Codes:
        return Codes(tensor, self.rounding)

    def _other(self, value: Any) -> Any:
        return value.tensor if isinstance(value, Codes) else ops.cast(value, self.tensor.dtype)

    # --- what arrays can do ---
    def __add__(self, other: Any) -> Codes:
        return self._new(self.tensor + self._other(other))

    def __sub__(self, other: Any) -> Codes:
        return self._new(self.tensor - self._other(other))

    def __rsub__(self, other: Any) -> Codes:
        return self._new(self._other(other) - self.tensor)

    def __mul__(self, other: Any) -> Codes:
        return self._new(self.tensor * self._other(other))

    __radd__, __rmul__ = __add__, __mul__

    def __lshift__(self, places: int) -> Codes:
        return self._new(self.tensor * 2.0**places)

    def __rshift__(self, places: int) -> Codes:
        scaled = self.tensor * 2.0**-places
        return self._new(self.rounding.join(lambda: ops.floor(scaled), lambda: scaled))

    def __getitem__(self, key: Any) -> Codes:
        return self._new(self.tensor[key])

    def astype(self, dtype: Any) -> Codes:
        """Itself: its type is settled."""
        return self

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method != "__call__" or kwargs or ufunc is not np.minimum:
            return NotImplemented
        _, high = inputs
        return self._new(self._saturated(-np.inf, high))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function is np.clip:
            _, low, high = args
            return self._new(self._saturated(low, high))
        if function is np.zeros_like:
            return self * 0
        if function is np.concatenate:
            return self._new(ops.concatenate([self._other(part) for part in args[0]], **kwargs))
        return NotImplemented

    def _saturated(self, low: float, high: float) -> Any:
        if self.rounding.exact:
            return self.rounding.saturated(self.tensor, low, high)
        # numbers that do not round have no ends either; what remains is that of a ReLU
        return ops.relu(self.tensor) if low == 0 else self.tensor

    # --- what codes can do ---
    def half_up(self, shift: int) -> Codes:  # noqa: D102
        scaled = self.tensor * 2.0**-shift
        return self._new(self.rounding.half_up(scaled) if shift else scaled)

    def interpolated(self, gate: Any, one: Any, zero: Any, bits: int) -> Codes:  # noqa: D102
        gate, one, zero = (self._other(value) for value in (gate, one, zero))
        top = float((1 << bits) - 1)
        t = gate * one + (top - gate) * zero

        def hard() -> Any:
            u = t + 2.0 ** (bits - 1)
            return ops.floor((u + ops.floor(u * 2.0**-bits)) * 2.0**-bits)

        return self._new(self.rounding.join(hard, lambda: t / top))

    def weight(self, bits: int) -> Codes:  # noqa: D102
        gate = self.tensor

        def hard() -> Any:
            return gate + ops.floor(gate * 2.0 ** (1 - bits))

        return self._new(self.rounding.join(hard, lambda: gate * (2.0**bits / ((1 << bits) - 1))))

    def looked_up(self, table: Any, shift: int) -> Codes:  # noqa: D102
        scaled = self.tensor * 2.0**-shift
        reach = 1 << (table.index_bits - 1)

        def hard() -> Any:
            index = ops.clip(ops.floor(scaled), -reach, reach - 1)
            return taken(table.full, index, -reach)

        # unless it is the function itself that is asked for
        steepness = STEEPNESS.get(table.output.bits, 1.0) if self.rounding.exact else 1.0

        def soft() -> Any:
            return table.output.scale * SMOOTH[table.name](scaled * (steepness * 2.0**-table.index_frac))

        return self._new(self.rounding.join(hard, soft))


def taken(table: Any, index: Any, low: int) -> Any:
    """Entries of a table of numbers, at indices in floats, of which ``low`` is the first one's.

    A training that diverges gives indices that are no numbers, and so are the entries: there is one for them, in front.
    """
    values = ops.convert_to_tensor(np.concatenate([[np.nan], table]), index.dtype)
    # as integers these are 0 or far below, as the processor likes it
    places = ops.maximum(ops.cast(index + float(1 - low), "int32"), 0)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        # Keras' own looks at each index first
        return tf.gather(values, places)
    return ops.take(values, places, axis=0)


def float_type(layer: Layer, extreme: Layer) -> str:
    """The float in which every number of a layer is exact.

    Parameters
    ----------
    extreme: the layer with its largest weights.

    Raises
    ------
    ValueError: there is none.
    """
    if extreme.largest_number <= EXACT_IN_SINGLE:
        return "float32"
    if extreme.largest_number > MAX_ACCUMULATOR:
        raise ValueError(f"layer {layer.name!r}: numbers reach {extreme.largest_number}, over 2^53: use fewer bits")
    if keras.backend.backend() == "jax":
        import jax

        if not jax.config.jax_enable_x64:  # type: ignore[attr-defined]
            raise ValueError(
                f"layer {layer.name!r}: numbers reach {extreme.largest_number}, over 2^24: use fewer bits, or "
                "jax.config.update('jax_enable_x64', True)"
            )
    return "float64"

"""The quantized layers: integer weights and formats, immutable, validated on creation.

Each layer knows the format of the codes it takes and of those it gives, and where its accumulator's binary point lies;
nothing here computes a time step (:mod:`ffhw.golden` does) or knows of hardware.

Accumulators of a layer with input codes x, state codes h and integer weights W:

    acc = (Wx x) << shift_x  +  (Wh h) << shift_h  +  bias          with acc_frac fraction bits, exact
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ffhw import sigmoid
from ffhw.errors import InputError
from ffhw.fixedpoint import Fixed, Format, Index, Unorm, signed_width

# Products and sums are computed by floating-point units somewhere: a double holds every integer below this.
MAX_ACCUMULATOR = 1 << 53

Ints = NDArray[np.int64]


class NetworkError(InputError, ValueError):
    """A network that contradicts itself."""


def require(condition: bool, message: str) -> None:
    """Raise :class:`NetworkError` unless ``condition`` holds."""
    if not condition:
        raise NetworkError(message)


class _Layer:
    """What all layers share: freezing their arrays, checking them, describing themselves."""

    kind: ClassVar[str]
    arrays: ClassVar[tuple[str, ...]]
    name: str

    def _freeze(self, field: str, shape: tuple[int, ...], low: int, high: int) -> None:
        """Replace array ``field`` with a read-only int64 copy of the given shape (-1 matches any size)."""
        value = np.array(getattr(self, field))
        where = f"layer {self.name!r}: {field}"
        require(value.dtype.kind in "iu", f"{where} must hold integers, not {value.dtype}")
        matches = value.ndim == len(shape) and all(s in (-1, v) for s, v in zip(shape, value.shape, strict=True))
        require(matches and value.size > 0, f"{where} must have shape {shape}, not {value.shape}")
        require(
            int(value.min()) >= low and int(value.max()) <= high,
            f"{where} must be from {low} to {high}, found {value.min()} to {value.max()}",
        )
        value = value.astype(np.int64)
        value.setflags(write=False)
        object.__setattr__(self, field, value)

    def describe(self) -> dict[str, Any]:
        """Everything but the arrays, as plain JSON data."""
        fields: dict[str, Any] = {"kind": self.kind}
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            if field.name not in self.arrays:
                value = getattr(self, field.name)
                fields[field.name] = value.to_dict() if isinstance(value, (Unorm, Fixed, Index)) else value
        return fields


def _check_weight_bits(name: str, bits: object) -> tuple[int, int]:
    """Range of a weight of ``bits`` bits."""
    try:
        weight = Fixed(bits, 0)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise NetworkError(f"layer {name!r}: weight_{error}".replace("weight_Fixed bits", "weight_bits")) from None
    return weight.min, weight.max


def _exact_sum(weights: Ints) -> Any:
    """``sum |w|`` over the last axis as Python integers: a bound must not wrap around when it is exceeded."""
    return np.abs(weights).sum(axis=-1).astype(object)


class _WeightedLayer(_Layer):
    """A layer with an accumulator: its binary point, its bound and its width."""

    input: Format
    acc_frac: int

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
        return signed_width(-self.acc_bound, self.acc_bound)

    def _check_bound(self) -> None:
        require(
            self.acc_bound < MAX_ACCUMULATOR,
            f"layer {self.name!r}: accumulators reach {self.acc_bound}, over the limit of 2^53: use fewer bits",
        )


@dataclasses.dataclass(frozen=True, eq=False)
class JKLayer(_WeightedLayer):
    """N flip-flop neurons over D inputs (eq. 1-3 of the JK flip-flop network paper). Gate order: J, then K.

    Parameters
    ----------
    input: format of the D input codes.
    state: format of states, gates and outputs.
    weight_bits: width of each weight.
    frac_x, frac_h: fraction bits of input and recurrent weights.
    weights_x: ``[2, N, D]``; weights_h: ``[2, N, N]``.
    bias: ``[2, N]``, with ``acc_frac`` fraction bits.
    return_sequences: give every step's state, or the last one's only.
    """

    kind: ClassVar[str] = "jk"
    arrays: ClassVar[tuple[str, ...]] = ("weights_x", "weights_h", "bias")

    name: str
    input: Format
    state: Unorm
    weight_bits: int
    frac_x: int
    frac_h: int
    weights_x: Ints
    weights_h: Ints
    bias: Ints
    return_sequences: bool = True

    def __post_init__(self) -> None:
        require(isinstance(self.input, (Fixed, Unorm)), f"layer {self.name!r} cannot take {self.input} as input")
        require(isinstance(self.state, Unorm), f"layer {self.name!r}: state must be Unorm, not {self.state}")
        low, high = _check_weight_bits(self.name, self.weight_bits)
        self._freeze("weights_x", (2, -1, -1), low, high)
        self._freeze("weights_h", (2, self.units, self.units), low, high)
        self._freeze("bias", (2, self.units), -MAX_ACCUMULATOR, MAX_ACCUMULATOR)
        self._check_bound()

    @property
    def units(self) -> int:
        """N, the number of states."""
        return self.weights_x.shape[1]

    @property
    def input_size(self) -> int:
        """D, the number of inputs."""
        return self.weights_x.shape[2]

    @property
    def output(self) -> Format:
        """Format of the codes given on."""
        return self.state

    @property
    def output_size(self) -> int:
        """Codes given on a step."""
        return self.units

    @property
    def acc_frac(self) -> int:  # type: ignore[override]
        """Fraction bits of the accumulator: the finest of its two products and of the gate's table index."""
        assert isinstance(self.input, (Fixed, Unorm))
        return max(
            self.frac_x + self.input.frac,
            self.frac_h + self.state.frac,
            sigmoid.index_frac(self.state.bits),
        )

    @property
    def shift_x(self) -> int:
        """Left shift that aligns an input product with the accumulator."""
        assert isinstance(self.input, (Fixed, Unorm))
        return self.acc_frac - self.frac_x - self.input.frac

    @property
    def shift_h(self) -> int:
        """Left shift that aligns a recurrent product with the accumulator."""
        return self.acc_frac - self.frac_h - self.state.frac

    @property
    def gate_shift(self) -> int:
        """Right shift from the accumulator to the table index: ``index = acc >> gate_shift``."""
        return self.acc_frac - sigmoid.index_frac(self.state.bits)

    def accumulator_bounds(self) -> Any:  # noqa: D102
        x = _exact_sum(self.weights_x) * (self.input.magnitude << self.shift_x)
        h = _exact_sum(self.weights_h) * (self.state.magnitude << self.shift_h)
        return x + h + np.abs(self.bias)


@dataclasses.dataclass(frozen=True, eq=False)
class DenseLayer(_WeightedLayer):
    """N outputs, each a weighted sum of D inputs and an activation.

    Parameters
    ----------
    activation: ``linear`` and ``relu`` round the accumulator half up to ``output`` (Fixed) and saturate; ``sigmoid``
        looks it up (Unorm); ``argmax`` gives the number of the largest accumulator, the first of equals (Index).
    frac: fraction bits of the weights.
    weights: ``[N, D]``; bias: ``[N]``, with ``acc_frac`` fraction bits.
    softmax: whether the float model took a softmax of these outputs, which orders them alike and is left to the host.
    """

    kind: ClassVar[str] = "dense"
    arrays: ClassVar[tuple[str, ...]] = ("weights", "bias")

    name: str
    input: Format
    output: Format
    activation: str
    weight_bits: int
    frac: int
    weights: Ints
    bias: Ints
    softmax: bool = False

    def __post_init__(self) -> None:
        require(isinstance(self.input, (Fixed, Unorm)), f"layer {self.name!r} cannot take {self.input} as input")
        expected = {"linear": Fixed, "relu": Fixed, "sigmoid": Unorm, "argmax": Index}
        require(
            self.activation in expected,
            f"layer {self.name!r}: activation must be one of {', '.join(expected)}, not {self.activation!r}",
        )
        require(
            isinstance(self.output, expected[self.activation]),
            f"layer {self.name!r}: {self.activation} gives {expected[self.activation].__name__}, not {self.output}",
        )
        low, high = _check_weight_bits(self.name, self.weight_bits)
        self._freeze("weights", (-1, -1), low, high)
        self._freeze("bias", (self.units,), -MAX_ACCUMULATOR, MAX_ACCUMULATOR)
        if isinstance(self.output, Index):
            require(
                self.output.size == self.units,
                f"layer {self.name!r}: argmax of {self.units} outputs gives Index({self.units}), not {self.output}",
            )
        self._check_bound()

    @property
    def units(self) -> int:
        """N, the number of weighted sums."""
        return self.weights.shape[0]

    @property
    def input_size(self) -> int:
        """D, the number of inputs."""
        return self.weights.shape[1]

    @property
    def output_size(self) -> int:
        """Codes given on a step: one class number for ``argmax``, N otherwise."""
        return 1 if self.activation == "argmax" else self.units

    @property
    def return_sequences(self) -> bool:
        """A dense layer answers each step it is given."""
        return True

    @property
    def _result_frac(self) -> int | None:
        """Fraction bits that the activation reads of the accumulator; None when it reads all."""
        if isinstance(self.output, Fixed):
            return self.output.frac
        return sigmoid.index_frac(self.output.bits) if isinstance(self.output, Unorm) else None

    @property
    def acc_frac(self) -> int:  # type: ignore[override]
        """Fraction bits of the accumulator: of its products, or of the activation's result where that is finer."""
        assert isinstance(self.input, (Fixed, Unorm))
        products = self.frac + self.input.frac
        return products if self._result_frac is None else max(products, self._result_frac)

    @property
    def shift_x(self) -> int:
        """Left shift that aligns a product with the accumulator."""
        assert isinstance(self.input, (Fixed, Unorm))
        return self.acc_frac - self.frac - self.input.frac

    @property
    def result_shift(self) -> int:
        """Right shift from the accumulator to the output code or the table index."""
        return 0 if self._result_frac is None else self.acc_frac - self._result_frac

    def accumulator_bounds(self) -> Any:  # noqa: D102
        x = _exact_sum(self.weights) * (self.input.magnitude << self.shift_x)
        # half a result code is added for rounding; hardware folds it into the bias
        return x + np.abs(self.bias) + ((1 << self.result_shift) >> 1)


@dataclasses.dataclass(frozen=True, eq=False)
class EmbeddingLayer(_Layer):
    """A row of ``table`` for each token: ``[V, D]`` codes of format ``output``; ``input`` is ``Index(V)``."""

    kind: ClassVar[str] = "embedding"
    arrays: ClassVar[tuple[str, ...]] = ("table",)

    name: str
    input: Format
    output: Format
    table: Ints

    def __post_init__(self) -> None:
        require(isinstance(self.input, Index), f"layer {self.name!r} takes token numbers (Index), not {self.input}")
        require(isinstance(self.output, Fixed), f"layer {self.name!r}: output must be Fixed, not {self.output}")
        assert isinstance(self.input, Index)
        self._freeze("table", (self.input.size, -1), self.output.min, self.output.max)

    @property
    def input_size(self) -> int:
        """One token a step."""
        return 1

    @property
    def output_size(self) -> int:
        """D, the codes of one row."""
        return self.table.shape[1]

    @property
    def return_sequences(self) -> bool:
        """A row for each token."""
        return True


Layer = JKLayer | DenseLayer | EmbeddingLayer
KINDS: dict[str, type[Layer]] = {cls.kind: cls for cls in (JKLayer, DenseLayer, EmbeddingLayer)}

"""Dense layers: weighted sums of a step's inputs, and an activation."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from ffhw.layers.base import Calibration, EachStep, FloatLayer, Floats, Given, Head, Ints, Layer, require
from ffhw.layers.description import FLAG_ON, UNITS, Described, KerasClass, one_of, training_options
from ffhw.layers.free_scales import Term
from ffhw.layers.weighted import (
    MAX_ACCUMULATOR,
    WeightedLayer,
    affine,
    bias_grid,
    exact_sum,
    product_frac,
)
from ffhw.numbers import formats
from ffhw.numbers.formats import Fixed, Format, Index, Unorm
from ffhw.numbers.gates import half_up
from ffhw.numbers.grids import Grid, WeightBits
from ffhw.numbers.scales import Precision, bias_codes, weight_unit
from ffhw.numbers.tables import Sigmoid, sigmoid

ACTIVATIONS = ("linear", "relu", "sigmoid", "softmax")


def softmax(v: Floats) -> Floats:
    """Softmax over the last axis, without overflow."""
    e = np.exp(v - v.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def read(described: Described) -> FloatDense:
    """Dense layer: ``kernel [D, N]``, ``bias [N]``."""
    options, d, n = described.options, described.inputs, described.options["units"]
    described.expect_arrays(1 + options["use_bias"])
    kernel = described.array("vars/0", d, n)
    bias = described.array("vars/1", n) if options["use_bias"] else np.zeros(n)
    return FloatDense(described.name, kernel.T, bias, options["activation"])


KERAS = (
    KerasClass(
        "Dense",
        {
            "units": UNITS,
            "activation": one_of(ACTIVATIONS),
            "use_bias": FLAG_ON,
            **training_options("kernel", "bias"),
        },
        read,
        each_step=True,
    ),
)


@dataclasses.dataclass(frozen=True)
class FloatDense(EachStep, FloatLayer):
    """Dense layer: weights ``[N, D]``, bias ``[N]``.

    activation: linear, relu, sigmoid; softmax and argmax at a network's output, whose ``forward`` gives the logits.
    """

    kind: ClassVar[str] = "dense"

    name: str
    weights: Floats
    bias: Floats
    activation: str

    @property
    def input_size(self) -> int:
        """D, the number of inputs."""
        return self.weights.shape[1]

    @property
    def output_size(self) -> int:
        """N, the number of outputs."""
        return self.weights.shape[0]

    @property
    def head(self) -> Head:  # noqa: D102
        return _head(self.activation)

    def input_scaled(self, name: str, scale: Floats, offset: Floats) -> FloatDense:  # noqa: D102
        # W (s v + o) + b = (W s) v + (b + W o)
        return dataclasses.replace(self, weights=self.weights * scale, bias=self.bias + self.weights @ offset)

    def output_scaled(self, scale: Floats, offset: Floats) -> FloatDense | None:  # noqa: D102
        if self.activation != "linear":
            return None
        # s (W v + b) + o = (s W) v + (s b + o)
        return dataclasses.replace(self, weights=self.weights * scale[:, None], bias=self.bias * scale + offset)

    def forward(self, x: Floats, length: Ints) -> Floats:  # noqa: D102
        return self.of_sums(affine(x, self.weights, self.bias))

    def of_sums(self, v: Floats) -> Floats:
        """Outputs of weighted sums."""
        if self.activation == "relu":
            return np.maximum(v, 0.0)
        return sigmoid(v) if self.activation == "sigmoid" else v

    def answer(self, outputs: Floats) -> Floats:  # noqa: D102
        return softmax(outputs) if self.activation == "softmax" else outputs

    def classifier(self) -> FloatDense:  # noqa: D102
        return dataclasses.replace(self, activation="argmax")

    def activated(self, name: str, activation: str) -> FloatLayer:  # noqa: D102
        if self.activation != "linear":
            return super().activated(name, activation)
        return dataclasses.replace(self, activation=activation)

    def numbers(self, layer: Layer) -> dict[str, Floats]:  # noqa: D102
        return {"weights": self.weights * weight_unit(layer.input), "bias": self.bias}

    @classmethod
    def of_numbers(cls, layer: Any, numbers: Mapping[str, Floats]) -> FloatDense:  # noqa: D102
        activation = "softmax" if layer.softmax else layer.activation
        return cls(layer.name, numbers["weights"] / weight_unit(layer.input), numbers["bias"], activation)

    def quantize(self, source: Format, data: Calibration, precision: Precision) -> DenseLayer:  # noqa: D102
        bits = precision.widths.bits
        output: Format
        if self.activation == "argmax":
            output = Index(len(self.weights))
        elif self.activation == "sigmoid":
            output = Unorm(bits)
        else:
            output = precision.data(data.outputs, bits)
        result_frac = _result_frac(output)
        if result_frac is None:  # the sums themselves are compared
            result_frac = precision.data(data.outputs, precision.widths.bits).frac + bits
        weights, frac = precision.weights(self.weights, source, result_frac)
        quantized = DenseLayer(
            name=self.name,
            input=source,
            output=output,
            activation="linear" if self.activation == "softmax" else self.activation,
            weight_bits=precision.widths.weight_bits,
            frac=frac,
            weights=weights,
            bias=np.zeros(len(weights), dtype=np.int64),
            softmax=self.activation == "softmax",
        )
        limit = quantized.bias_limit()
        return dataclasses.replace(quantized, bias=bias_codes(self.bias, quantized.acc_frac, limit))


def linear(acc: Ints, shift: int, output: Fixed, relu: bool = False) -> Ints:
    """Output code of an accumulator: rounded half up, cut at zero if ``relu``, saturated."""
    return np.clip(half_up(acc, shift), 0 if relu else output.min, output.max)


@dataclasses.dataclass(frozen=True, eq=False)
class DenseLayer(EachStep, WeightedLayer):
    """N outputs, each a weighted sum of D inputs and an activation, in integers.

    Parameters
    ----------
    activation: ``linear`` and ``relu`` round the accumulator half up to ``output`` (Fixed) and saturate; ``sigmoid``
        looks it up (Unorm); ``argmax`` gives the number of the largest accumulator, the first of equals (Index).
    frac: fraction bits of the weights.
    weights: ``[N, D]``; bias: ``[N]``, with ``acc_frac`` fraction bits.
    softmax: whether the float model took a softmax of these outputs, which orders them alike and is left to the host.
    acc_bits: of an accumulator, 0 for as many as these weights need.
    """

    kind: ClassVar[str] = "dense"
    arrays: ClassVar[tuple[str, ...]] = ("weights", "bias")

    name: str
    input: Format
    output: Format
    activation: str
    weight_bits: WeightBits
    frac: int
    weights: Ints
    bias: Ints
    softmax: bool = False
    acc_bits: int = 0

    def __post_init__(self) -> None:
        product_frac(self.name, self.input)
        expected = {"linear": Fixed, "relu": Fixed, "sigmoid": Unorm, "argmax": Index}
        require(
            self.activation in expected,
            f"layer {self.name!r}: activation must be one of {', '.join(expected)}, not {self.activation!r}",
        )
        require(
            isinstance(self.output, expected[self.activation]),
            f"layer {self.name!r}: {self.activation} gives {expected[self.activation].__name__}, not {self.output}",
        )
        self._freeze_weights("weights", (-1, -1))
        self._freeze("bias", self.bias_shape, -MAX_ACCUMULATOR, MAX_ACCUMULATOR)
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
    def bias_shape(self) -> tuple[int, ...]:
        """One a unit."""
        return (self.units,)

    @property
    def input_size(self) -> int:
        """D, the number of inputs."""
        return self.weights.shape[1]

    @property
    def output_size(self) -> int:
        """Codes given on a step: one class number for ``argmax``, N otherwise."""
        return 1 if self.activation == "argmax" else self.units

    @property
    def head(self) -> Head:  # noqa: D102
        return "softmax" if self.softmax else _head(self.activation)

    @property
    def answers(self) -> int:
        """N, also where only the number of the largest is given on."""
        return self.units

    @property
    def operands(self) -> tuple[tuple[Format, int], ...]:
        """The inputs."""
        return ((self.input, self.shift_x),)

    @property
    def matrices(self) -> tuple[Ints, ...]:
        """Of the inputs."""
        return (self.weights[None],)

    @property
    def grids(self) -> dict[str, Grid]:  # noqa: D102
        return {"weights": self.weight_grid(self.frac), "bias": bias_grid(self.acc_frac)}

    @property
    def _result_frac(self) -> int | None:
        return _result_frac(self.output)

    def bias_limit(self) -> Any:
        """Magnitude of a bias from which on the output is saturated, whatever the weighted sum is; Python integers."""
        sums = self.largest_sums()
        if isinstance(self.output, Index):
            return sums * 0 + MAX_ACCUMULATOR  # compared with each other: none is ever far enough out
        bits = self.output.bits if isinstance(self.output, Fixed) else Sigmoid(self.output.bits).index_bits
        return sums + (1 << (bits + self.result_shift))

    @property
    def terms(self) -> tuple[Term, ...]:
        """The products, and the activation's result."""
        products = Term(self.frac + product_frac(self.name, self.input), ("weights", "input"))
        return (products,) if self._result_frac is None else (products, Term(self._result_frac, ("output",)))

    @property
    def free_scales(self) -> tuple[str, ...]:  # noqa: D102
        ends = {"input": self.input, "output": self.output}
        return ("weights", *(name for name, fmt in ends.items() if isinstance(fmt, Fixed)))

    def refined(self, finer: Mapping[str, int]) -> Self:  # noqa: D102
        return dataclasses.replace(
            self,
            input=formats.finer(self.input, finer.get("input", 0)),
            output=formats.finer(self.output, finer.get("output", 0)),
            frac=self.frac + finer.get("weights", 0),
        )

    @property
    def shift_x(self) -> int:
        """Left shift that aligns a product with the accumulator."""
        return self.acc_frac - self.frac - product_frac(self.name, self.input)

    @property
    def result_shift(self) -> int:
        """Right shift from the accumulator to the output code or the table index."""
        return 0 if self._result_frac is None else self.acc_frac - self._result_frac

    def classifier(self) -> DenseLayer:  # noqa: D102
        products = self.frac + product_frac(self.name, self.input)
        # sums are compared as they are; what an output would have resolved further is rounded
        bias = half_up(self.bias, self.acc_frac - products)
        output = Index(self.units)
        return dataclasses.replace(self, activation="argmax", output=output, bias=bias, softmax=False)

    def accumulator_bounds(self) -> Any:  # noqa: D102
        # half a result code is added for rounding; hardware folds it into the bias
        return self.largest_sums() + self.largest_biases() + ((1 << self.result_shift) >> 1)

    def largest_sums(self) -> Any:
        """``sum |w| * max |in|`` of each unit; Python integers."""
        return exact_sum(self.weights) * (self.input.magnitude << self.shift_x)

    def largest_biases(self) -> Any:
        """Magnitude of what biases add to each unit."""
        return np.abs(self.bias)

    def run(self, x: Ints, length: Ints, state: Ints, trace: bool) -> Given:  # noqa: D102
        kind = self.matmul_type()
        # acc = (W x << shift_x) + bias
        product = x.astype(kind) @ self.weights.T.astype(kind)
        acc = (product.astype(np.int64) << self.shift_x) + self.bias
        return Given(self.activate(acc))

    def activate(self, acc: Ints) -> Ints:
        """Output codes of accumulators ``[..., N]``."""
        if self.activation == "argmax":
            return acc.argmax(axis=-1)[..., None]
        if isinstance(self.output, Unorm):
            return Sigmoid(self.output.bits).look_up(acc, self.result_shift)
        assert isinstance(self.output, Fixed)
        return linear(acc, self.result_shift, self.output, relu=self.activation == "relu")

    def decode(self, outputs: Ints) -> Floats:  # noqa: D102
        values = self.output.dequantize(outputs)
        return softmax(values) if self.softmax else values


def _result_frac(output: Format) -> int | None:
    """Fraction bits that an activation reads of the accumulator; None when it reads all."""
    if isinstance(output, Fixed):
        return output.frac
    return Sigmoid(output.bits).index_frac if isinstance(output, Unorm) else None


def _head(activation: str) -> Head:
    heads: dict[str, Head] = {"sigmoid": "sigmoid", "softmax": "softmax", "argmax": "argmax"}
    return heads.get(activation, "values")

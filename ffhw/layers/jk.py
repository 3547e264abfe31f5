"""JK flip-flop neurons (eq. 1-3 of the JK flip-flop network paper). Gate order everywhere: J, then K.

J   = sigmoid(Wjx x_t + bj + Wjh h_{t-1})        K = sigmoid(Wkx x_t + bk + Wkh h_{t-1})
h_t = J (1 - h_{t-1}) + (1 - K) h_{t-1}
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np

from ffhw.layers.base import Floats, Ints, require
from ffhw.layers.description import (
    FLAG,
    FLAG_ON,
    UNITS,
    UNUSED,
    Described,
    KerasClass,
    only,
    training_options,
)
from ffhw.layers.recurrent import FloatRecurrent, RecurrentLayer, Step
from ffhw.layers.weighted import MAX_ACCUMULATOR, affine, exact_sum, product_frac, weight_range
from ffhw.numbers import sigmoid
from ffhw.numbers.formats import Format, Unorm
from ffhw.numbers.scales import Precision, bias_codes


def read(described: Described) -> FloatJK:
    """JK layer of ``ffhw.training.jk``: ``kernel [D, 2 N]``, ``recurrent_kernel [N, 2 N]``, ``bias [2, 2 N]``."""
    options, d, n = described.options, described.inputs, described.options["units"]
    described.expect_arrays(0)
    described.expect_arrays(2 + options["use_bias"], "cell/")
    kernel = described.array("cell/vars/0", d, 2 * n)
    recurrent = described.array("cell/vars/1", n, 2 * n)
    # hardware needs one bias: the input's and the recurrent one are always added
    bias = described.array("cell/vars/2", 2, 2 * n).sum(axis=0) if options["use_bias"] else np.zeros(2 * n)
    return FloatJK(
        name=described.name,
        weights_x=kernel.T.reshape(2, n, d),
        weights_h=recurrent.T.reshape(2, n, n),
        bias=bias.reshape(2, n),
        return_sequences=options["return_sequences"],
    )


KERAS = (
    KerasClass(
        "JK",
        {
            "units": UNITS,
            "use_bias": FLAG_ON,
            "return_sequences": FLAG,
            "return_state": only(False),
            "go_backwards": only(False),
            "zero_output_for_mask": only(False),
            "stateful": FLAG,  # the state that hardware keeps is asked for with --keep-state
            **dict.fromkeys(("unroll", "dropout", "recurrent_dropout", "seed"), UNUSED),
            **training_options("kernel", "recurrent", "bias"),
        },
        read,
        registered="ffhw>JK",
    ),
)


@dataclasses.dataclass(frozen=True)
class FloatJK(FloatRecurrent):
    """JK layer: weights_x ``[2, N, D]``, weights_h ``[2, N, N]``, bias ``[2, N]`` (both biases added); J, then K."""

    kind: ClassVar[str] = "jk"

    name: str
    weights_x: Floats
    weights_h: Floats
    bias: Floats
    return_sequences: bool

    @property
    def units(self) -> int:
        """N, the number of flip-flops."""
        return self.weights_x.shape[1]

    @property
    def input_size(self) -> int:
        """D, the number of inputs."""
        return self.weights_x.shape[2]

    @property
    def output_size(self) -> int:
        """The states."""
        return self.units

    def input_scaled(self, name: str, scale: Floats, offset: Floats) -> FloatJK:  # noqa: D102
        # W (s v + o) + b = (W s) v + (b + W o)
        return dataclasses.replace(self, weights_x=self.weights_x * scale, bias=self.bias + self.weights_x @ offset)

    def drive(self, x: Floats) -> Floats:  # noqa: D102
        return affine(x, self.weights_x, self.bias)

    def step(self, driven: Floats, h: Floats) -> Floats:  # noqa: D102
        n = self.units
        gates = sigmoid.sigmoid(driven + h @ self.weights_h.reshape(2 * n, n).T)
        j, k = gates[:, :n], gates[:, n:]
        # h_t = J (1 - h) + (1 - K) h
        return j * (1 - h) + (1 - k) * h

    def quantize(self, source: Format, outputs: Floats, precision: Precision) -> JKLayer:  # noqa: D102
        state = Unorm(precision.widths.state_bits)
        index_frac = sigmoid.index_frac(state.bits)
        wx, frac_x = precision.weights(self.weights_x, source, index_frac)
        wh, frac_h = precision.weights(self.weights_h, state, index_frac)
        # weights that are all zero need no alignment: their scale is the one that costs none
        x_frac = product_frac(self.name, source)
        if not wh.any():
            frac_h = max(frac_x + x_frac, index_frac) - state.frac
        elif not wx.any():
            frac_x = max(frac_h + state.frac, index_frac) - x_frac
        quantized = JKLayer(
            name=self.name,
            input=source,
            state=state,
            weight_bits=precision.widths.weight_bits,
            frac_x=frac_x,
            frac_h=frac_h,
            weights_x=wx,
            weights_h=wh,
            bias=np.zeros_like(self.bias, dtype=np.int64),
            return_sequences=self.return_sequences,
        )
        # further out than the table reaches, whatever the weighted sums are
        limit = quantized.accumulator_bounds() + (1 << (sigmoid.index_bits(state.bits) - 1 + quantized.gate_shift))
        return dataclasses.replace(quantized, bias=bias_codes(self.bias, quantized.acc_frac, limit))


def state_update(j: Ints, k: Ints, h: Ints, bits: int) -> Ints:
    """Next state of flip-flop neurons: ``round((J (M - H) + (M - K) H) / M)`` (eq. 3), without a division.

    Parameters
    ----------
    j, k, h: codes of ``Unorm(bits)``, shapes that broadcast.

    Returns
    -------
    Codes of ``Unorm(bits)``. J = K = 0 returns ``h`` itself.
    """
    top = (1 << bits) - 1
    # t = J * ~H + ~K * H, at most M^2
    t = j * (top - h) + (top - k) * h
    # round(t / M) = (u + floor(u / 2^b)) / 2^b with u = t + 2^(b-1): exact for 0 <= t <= M^2
    u = t + (1 << (bits - 1))
    return (u + (u >> bits)) >> bits


@dataclasses.dataclass(frozen=True, eq=False)
class JKLayer(RecurrentLayer):
    """N flip-flop neurons over D inputs, in integers.

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
    signals: ClassVar[tuple[str, ...]] = ("j", "k", "h")

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
        product_frac(self.name, self.input)
        require(isinstance(self.state, Unorm), f"layer {self.name!r}: state must be Unorm, not {self.state}")
        low, high = weight_range(self.name, self.weight_bits)
        self._freeze("weights_x", (2, -1, -1), low, high)
        self._freeze("weights_h", (2, self.units, self.units), low, high)
        self._freeze("bias", (2, self.units), -MAX_ACCUMULATOR, MAX_ACCUMULATOR)
        self._check_bound()

    @property
    def units(self) -> int:
        """N, the number of states."""
        return self.weights_x.shape[1]

    @property
    def gates(self) -> int:
        """J and K."""
        return 2

    @property
    def input_size(self) -> int:
        """D, the number of inputs."""
        return self.weights_x.shape[2]

    @property
    def output(self) -> Format:  # type: ignore[override]
        """Format of the codes given on."""
        return self.state

    @property
    def output_size(self) -> int:
        """Codes given on a step."""
        return self.units

    @property
    def state_size(self) -> int:
        """One code a flip-flop."""
        return self.units

    @property
    def state_format(self) -> Format:
        """Format of states, which gates have as well."""
        return self.state

    @property
    def recurrent_size(self) -> int:
        """All states."""
        return self.units

    @property
    def operands(self) -> tuple[tuple[Format, int], ...]:
        """Inputs and states."""
        return (self.input, self.shift_x), (self.state, self.shift_h)

    @property
    def matrices(self) -> tuple[Ints, ...]:
        """Of inputs and states."""
        return self.weights_x, self.weights_h

    @property
    def acc_frac(self) -> int:
        """Fraction bits of the accumulator: the finest of its two products and of the gate's table index."""
        return max(
            self.frac_x + product_frac(self.name, self.input),
            self.frac_h + self.state.frac,
            sigmoid.index_frac(self.state.bits),
        )

    @property
    def shift_x(self) -> int:
        """Left shift that aligns an input product with the accumulator."""
        return self.acc_frac - self.frac_x - product_frac(self.name, self.input)

    @property
    def shift_h(self) -> int:
        """Left shift that aligns a recurrent product with the accumulator."""
        return self.acc_frac - self.frac_h - self.state.frac

    @property
    def gate_shift(self) -> int:
        """Right shift from the accumulator to the table index: ``index = acc >> gate_shift``."""
        return self.acc_frac - sigmoid.index_frac(self.state.bits)

    @property
    def result_shift(self) -> int:
        """That of the gates."""
        return self.gate_shift

    def accumulator_bounds(self) -> Any:  # noqa: D102
        x = exact_sum(self.weights_x) * (self.input.magnitude << self.shift_x)
        h = exact_sum(self.weights_h) * (self.state.magnitude << self.shift_h)
        return x + h + np.abs(self.bias)

    @property
    def largest_number(self) -> int:  # noqa: D102
        # u + (u >> b) of the state update
        return max(super().largest_number, 2 * self.state.max**2 + (2 << self.state.bits))

    def check_state(self, codes: Any) -> Ints:  # noqa: D102
        return self.state.check(codes, f"state of {self.name!r}")

    def drive(self, x: Ints) -> Floats:  # noqa: D102
        kind = self.matmul_type()
        # (Wx x << shift_x) + bias; the shift is folded into the float weights, exactly
        weights = (self.weights_x * 2.0**self.shift_x).astype(kind)
        return affine(x.astype(kind), weights, self.bias.astype(kind))

    def step_rule(self) -> Step:  # noqa: D102
        n, bits, shift, kind = self.units, self.state.bits, self.gate_shift, self.matmul_type()
        wh = (self.weights_h.reshape(2 * n, n).T * 2.0**self.shift_h).astype(kind)

        def step(driven: Floats, h: Ints) -> tuple[Ints, ...]:
            # acc = (Wx x << shift_x) + bias + (Wh h << shift_h)
            acc = (driven + h.astype(kind) @ wh).astype(np.int64)
            gates = sigmoid.gate(acc, shift, bits)
            j, k = gates[:, :n], gates[:, n:]
            return j, k, state_update(j, k, h, bits)

        return step

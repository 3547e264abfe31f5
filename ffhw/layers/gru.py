"""GRU units, Keras' GRU with ``reset_after``. Gate order everywhere, as in Keras: z (update), r (reset), n (candidate).

z, r = sigmoid(W x_t + b + U h_{t-1})
n = tanh(Wn x_t + bx + r (Un h_{t-1} + bh))
h_t = z h_{t-1} + (1 - z) n
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np

from ffhw.layers import gru_reset_before
from ffhw.layers.base import Floats, Ints, require
from ffhw.layers.description import FLAG_ON, UNUSED, Described, KerasClass, Read, only
from ffhw.layers.float_recurrent import RECURRENT_OPTIONS, FloatRecurrent, directed, keras_weights
from ffhw.layers.recurrent import RecurrentLayer
from ffhw.layers.weighted import MAX_ACCUMULATOR
from ffhw.numbers.formats import Format, Unorm
from ffhw.numbers.gates import half_up, interpolate, weight
from ffhw.numbers.tables import Sigmoid, Tanh, sigmoid


def read(described: Described) -> Read:
    """GRU layer: ``kernel [D, 3 N]``, ``recurrent_kernel [N, 3 N]``, ``bias [2, 3 N]``, input's and recurrent."""
    n, use_bias = described.options["units"], described.options["use_bias"]
    described.expect_arrays(0)
    described.expect_arrays(2 + use_bias, "cell/")
    if not described.options["reset_after"]:
        return gru_reset_before.read(described)
    weights = keras_weights(described, 3)
    bias = (described.array("cell/vars/2", 2, 3 * n) if use_bias else np.zeros((2, 3 * n))).reshape(2, 3, n)
    # where both are added to one sum, hardware needs one
    gates = [*(bias[0, :2] + bias[1, :2]), bias[0, 2], bias[1, 2]]
    return directed(described, FloatGRU(**weights, bias=np.stack(gates)))


KERAS = (
    KerasClass(
        "GRU",
        {
            **RECURRENT_OPTIONS,
            "activation": only("tanh"),
            "recurrent_activation": only("sigmoid"),
            "reset_after": FLAG_ON,
            # by which code Keras computes
            **dict.fromkeys(("use_cudnn", "implementation"), UNUSED),
        },
        read,
    ),
)


@dataclasses.dataclass(frozen=True, eq=False)
class GRULayer(RecurrentLayer):
    """GRU units in integers: z and r are ``Unorm``, n and h ``Fixed(b, b - 1)``.

    The candidate's recurrent sum is kept apart, for r scales it: rounded to one bit finer than the table's index.
    """

    kind: ClassVar[str] = "gru"
    signals: ClassVar[tuple[str, ...]] = ("z", "r", "n", "h")
    gate_tables = (Sigmoid, Sigmoid, Tanh)
    state_table = Tanh
    apart = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            self.candidate_bound < MAX_ACCUMULATOR,
            f"layer {self.name!r}: a candidate reaches {self.candidate_bound}, over the limit of 2^53: use fewer bits",
        )

    @property
    def signal_formats(self) -> dict[str, Format]:
        """Format of each signal."""
        gate = Unorm(self.state.bits)
        return {"z": gate, "r": gate, "n": self.state, "h": self.state}

    @property
    def recurrent_shift(self) -> int:
        """Right shift that rounds the candidate's recurrent sum."""
        return max(self.acc_frac - Tanh(self.state.bits).index_frac - 1, 0)

    @property
    def candidate_shifts(self) -> tuple[int, int, int]:
        """Left shifts of the input's sum and of r times the recurrent one to one grid; right shift to the index."""
        scaled = self.acc_frac - self.recurrent_shift + self.state.bits
        frac = max(self.acc_frac, scaled)
        return frac - self.acc_frac, frac - scaled, frac - Tanh(self.state.bits).index_frac

    def accumulator_bounds(self) -> Any:  # noqa: D102
        bounds = super().accumulator_bounds()
        # half of what the recurrent sum is rounded by is added; hardware folds it into the bias
        bounds[3] += (1 << self.recurrent_shift) >> 1
        return bounds

    @property
    def candidate_bound(self) -> int:
        """Largest magnitude of what n is looked up by."""
        bounds = self.accumulator_bounds()
        own, again, _ = self.candidate_shifts
        recurrent = (int(bounds[3].max()) >> self.recurrent_shift) + 1
        return (int(bounds[2].max()) << own) + (recurrent << (self.state.bits + again))

    @property
    def candidate_width(self) -> int:
        """Bits of what n is looked up by, in two's complement."""
        if not self.acc_bits:
            return self.candidate_bound.bit_length() + 1
        own, again, _ = self.candidate_shifts
        # each of both sums < 2^(acc_bits - 1), one of them shifted back and scaled by at most 2^b
        return self.acc_bits + max(own, self.state.bits + again - self.recurrent_shift) + 1

    def bias_limits(self) -> Any:
        """As everywhere; none for the candidate's, whose two sums may cancel."""
        reach = (1 << (Sigmoid(self.state.bits).index_bits - 1)) << self.gate_shifts[0]
        limits = self.accumulator_bounds() + reach
        limits[2:] = MAX_ACCUMULATOR
        return limits

    @property
    def largest_number(self) -> int:  # noqa: D102
        return max(super().largest_number, 2 * (self.candidate_bound + (2 << self.candidate_shifts[2])))

    def update(self, gates: list[Ints], *state: Ints) -> tuple[Ints, ...]:  # noqa: D102
        bits = self.state.bits
        z, r, inputs, recurrent = gates
        # m = (acc_nh + half) >> s, then n = tanh(acc_nx + R m)
        back = self.recurrent_shift
        recurrent = half_up(recurrent, back)
        own, again, shift = self.candidate_shifts
        n = Tanh(bits).look_up((inputs << own) + (weight(r, bits) * recurrent << again), shift)
        # H' = round((Z H + ~Z N) / M), between codes raised by 2^(b-1) so that none is negative
        raised = 1 << (bits - 1)
        return z, r, n, interpolate(z, state[0] + raised, n + raised, bits) - raised


@dataclasses.dataclass(frozen=True)
class FloatGRU(FloatRecurrent):
    """Trained GRU units; ``bias`` of z, r, the candidate's input and its recurrent sum."""

    kind: ClassVar[str] = "gru"
    quantized: ClassVar[type[RecurrentLayer]] = GRULayer

    def step(self, sums: list[Floats], *state: Floats) -> tuple[Floats, ...]:  # noqa: D102
        z, r = sigmoid(sums[0]), sigmoid(sums[1])
        n = np.tanh(sums[2] + r * sums[3])
        return (z * state[0] + (1 - z) * n,)

"""LSTM units, Keras' LSTM. Gate order everywhere, as in Keras: i (input), f (forget), g (candidate), o (output).

i, f, o = sigmoid(W x_t + b + U h_{t-1})        g = tanh(W x_t + b + U h_{t-1})
c_t = f c_{t-1} + i g                           h_t = o tanh(c_t)
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np

from ffhw.layers.base import Calibration, Floats, Ints, require
from ffhw.layers.description import UNUSED, Described, KerasClass, Read, only
from ffhw.layers.float_recurrent import RECURRENT_OPTIONS, FloatRecurrent, directed, keras_weights
from ffhw.layers.recurrent import RecurrentLayer
from ffhw.numbers.formats import Fixed, Format, Unorm
from ffhw.numbers.gates import half_up, weight
from ffhw.numbers.scales import Precision
from ffhw.numbers.tables import Sigmoid, Tanh, sigmoid


def read(described: Described) -> Read:
    """LSTM layer: ``kernel [D, 4 N]``, ``recurrent_kernel [N, 4 N]``, ``bias [4 N]``."""
    n, use_bias = described.options["units"], described.options["use_bias"]
    described.expect_arrays(0)
    described.expect_arrays(2 + use_bias, "cell/")
    weights = keras_weights(described, 4)
    bias = described.array("cell/vars/2", 4 * n) if use_bias else np.zeros(4 * n)
    return directed(described, FloatLSTM(**weights, bias=bias.reshape(4, n)))


KERAS = (
    KerasClass(
        "LSTM",
        {
            **RECURRENT_OPTIONS,
            "activation": only("tanh"),
            "recurrent_activation": only("sigmoid"),
            # how the bias begins, and by which code Keras computes
            **dict.fromkeys(("unit_forget_bias", "use_cudnn", "implementation"), UNUSED),
        },
        read,
    ),
)


@dataclasses.dataclass(frozen=True, eq=False)
class LSTMLayer(RecurrentLayer):
    """LSTM units in integers: gates are ``Unorm``, g and h ``Fixed(b, b - 1)``, c is ``cell``.

    A unit's state is h, then c. The only number that saturates is c, at the ends of its format.
    """

    kind: ClassVar[str] = "lstm"
    signals: ClassVar[tuple[str, ...]] = ("i", "f", "g", "o", "c", "h")
    state_signals: ClassVar[tuple[str, ...]] = ("h", "c")
    gate_tables = (Sigmoid, Sigmoid, Tanh, Sigmoid)
    state_table = Tanh

    cell: Fixed = dataclasses.field(kw_only=True)

    def __post_init__(self) -> None:
        require(isinstance(self.cell, Fixed), f"layer {self.name!r}: cell must be Fixed, not {self.cell}")
        super().__post_init__()
        require(abs(self.cell.frac) <= MAX_CELL_FRAC, f"layer {self.name!r}: cell {self.cell} is out of all proportion")

    @property
    def signal_formats(self) -> dict[str, Format]:
        """Format of each signal."""
        gate = Unorm(self.state.bits)
        return {"i": gate, "f": gate, "g": self.state, "o": gate, "c": self.cell, "h": self.state}

    @property
    def cell_shifts(self) -> tuple[int, int, int]:
        """Left shifts of f c and of i g to their common grid, and the right shift from there to c."""
        frac = max(self.cell.frac, self.state.frac)
        return frac - self.cell.frac, frac - self.state.frac, frac - self.cell.frac + self.state.bits

    @property
    def tanh_shifts(self) -> tuple[int, int]:
        """Left shift and right shift from c to the table's index, one of which is 0."""
        shift = self.cell.frac - Tanh(self.state.bits).index_frac
        return max(-shift, 0), max(shift, 0)

    @property
    def cell_bound(self) -> int:
        """Largest magnitude of ``(f c << a) + (i g << d)`` and its rounding."""
        forget, add, back = self.cell_shifts
        top = 1 << self.state.bits
        return (top * self.cell.magnitude << forget) + (top * self.state.magnitude << add) + (1 << back)

    @property
    def largest_number(self) -> int:  # noqa: D102
        return max(super().largest_number, 2 * self.cell_bound, 2 * self.cell.magnitude << self.tanh_shifts[0])

    def update(self, gates: list[Ints], *state: Ints) -> tuple[Ints, ...]:  # noqa: D102
        bits, (_, c) = self.state.bits, state
        i, f, g, o = gates
        forget, add, back = self.cell_shifts
        # C' = saturate((F C << a) + (I G << d) rounded half up by `back`); gates over 2^b
        total = (weight(f, bits) * c << forget) + (weight(i, bits) * g << add)
        c = np.clip(half_up(total, back), self.cell.min, self.cell.max)
        # H' = (O tanh(C') + half) >> b
        up, down = self.tanh_shifts
        squashed = Tanh(bits).look_up(c << up, down)
        return i, f, g, o, c, half_up(weight(o, bits) * squashed, bits)


# Between the two grids of c and g lie at most so many bits, or numbers would not fit 64.
MAX_CELL_FRAC = 24


@dataclasses.dataclass(frozen=True)
class FloatLSTM(FloatRecurrent):
    """Trained LSTM units."""

    kind: ClassVar[str] = "lstm"
    quantized: ClassVar[type[RecurrentLayer]] = LSTMLayer

    def step(self, sums: list[Floats], *state: Floats) -> tuple[Floats, ...]:  # noqa: D102
        i, f, o = sigmoid(sums[0]), sigmoid(sums[1]), sigmoid(sums[3])
        c = f * state[1] + i * np.tanh(sums[2])
        return o * np.tanh(c), c

    def own_options(self, data: Calibration, precision: Precision) -> dict[str, Any]:  # noqa: D102
        _, c = self.states(data.inputs, data.length)
        fmt = precision.data(c, precision.widths.cell_bits)
        # a grid much finer than the table's index moves nothing
        finest = Tanh(precision.widths.state_bits).index_frac + 4
        return {"cell": Fixed(fmt.bits, min(fmt.frac, finest))}

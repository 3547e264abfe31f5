"""Leaky tanh units, the continuous-time network in Euler steps of ``alpha = dt / tau``.

h_t = (1 - alpha) h_{t-1} + alpha tanh(Wx x_t + b + Wh h_{t-1})

The step interpolates between the old state and a tanh unit, so that it is a GRU's with a constant gate.
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np

from ffhw.errors import InputError
from ffhw.layers.base import Calibration, Floats, Ints, require
from ffhw.layers.description import NUMBER, Described, KerasClass, Read, only
from ffhw.layers.float_recurrent import RECURRENT_OPTIONS, FloatRecurrent, directed, keras_weights
from ffhw.layers.recurrent import RecurrentLayer
from ffhw.numbers.formats import Format
from ffhw.numbers.gates import interpolate
from ffhw.numbers.scales import Precision
from ffhw.numbers.tables import Tanh


def read(described: Described) -> Read:
    """A :class:`ffhw.training.layers.ctrnn.CTRNN`: ``kernel [D, N]``, ``recurrent_kernel [N, N]``, ``bias [N]``."""
    options = described.options
    described.expect_arrays(0)
    described.expect_arrays(3, "cell/")
    weights = keras_weights(described, 1)
    if not 0 < options["dt_ms"] <= options["tau_ms"]:
        raise described.refuse("dt_ms", f"must be above 0 and at most tau_ms={options['tau_ms']!r}")
    return directed(
        described,
        FloatCTRNN(
            **weights,
            bias=described.array("cell/vars/2", options["units"])[None],
            alpha=options["dt_ms"] / options["tau_ms"],
        ),
    )


_OPTIONS = {
    **RECURRENT_OPTIONS,
    # told by its cell alone
    "use_bias": only(True),
    "activation": only("tanh"),
    "tau_ms": NUMBER,
    "dt_ms": NUMBER,
}
KERAS = (KerasClass("CTRNN", _OPTIONS, read, registered="ffhw>CTRNN"),)


@dataclasses.dataclass(frozen=True, eq=False)
class CTRNNLayer(RecurrentLayer):
    """Leaky tanh units in integers: n and h are ``Fixed(b, b - 1)``, ``alpha`` is a constant code of ``Unorm(b)``.

    Where n and h differ by less than ``1 / (2 alpha)`` codes the state stays: slow units need wide states.
    """

    kind: ClassVar[str] = "ctrnn"
    signals: ClassVar[tuple[str, ...]] = ("n", "h")
    gate_tables = (Tanh,)
    state_table = Tanh

    alpha: int = dataclasses.field(kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        top = (1 << self.state.bits) - 1
        good = isinstance(self.alpha, int) and not isinstance(self.alpha, bool) and 1 <= self.alpha <= top
        require(good, f"layer {self.name!r}: alpha must be a code from 1 to {top}, not {self.alpha!r}")

    @property
    def signal_formats(self) -> dict[str, Format]:
        """Format of each signal."""
        return {"n": self.state, "h": self.state}

    def update(self, gates: list[Ints], *state: Ints) -> tuple[Ints, ...]:  # noqa: D102
        (n,), bits = gates, self.state.bits
        # H' = round((A N + ~A H) / M), between codes raised by 2^(b-1) so that none is negative
        raised = 1 << (bits - 1)
        return n, interpolate(np.array(self.alpha), n + raised, state[0] + raised, bits) - raised


@dataclasses.dataclass(frozen=True)
class FloatCTRNN(FloatRecurrent):
    """Trained leaky tanh units."""

    kind: ClassVar[str] = "ctrnn"
    quantized = CTRNNLayer

    alpha: float = dataclasses.field(kw_only=True)

    def step(self, sums: list[Floats], *state: Floats) -> tuple[Floats, ...]:  # noqa: D102
        return ((1 - self.alpha) * state[0] + self.alpha * np.tanh(sums[0]),)

    @classmethod
    def options_of(cls, layer: Any) -> dict[str, Any]:  # noqa: D102
        return {"alpha": layer.alpha / ((1 << layer.state.bits) - 1)}

    def own_options(self, data: Calibration, precision: Precision) -> dict[str, Any]:  # noqa: D102
        bits = precision.widths.state_bits
        code = int(np.floor(self.alpha * ((1 << bits) - 1) + 0.5))
        if code == 0:
            raise InputError(
                f"layer {self.name!r}: alpha = dt / tau = {self.alpha:g} is less than half a code of {bits} bits, so "
                "that no state would ever move; use more state bits or a shorter time constant"
            )
        return {"alpha": code}

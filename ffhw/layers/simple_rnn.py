"""Plain recurrent units, Keras' SimpleRNN: h_t = tanh(Wx x_t + b + Wh h_{t-1})."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from ffhw.layers.base import Floats, Ints
from ffhw.layers.description import Described, KerasClass, Read, only
from ffhw.layers.float_recurrent import RECURRENT_OPTIONS, FloatRecurrent, directed, keras_weights
from ffhw.layers.recurrent import RecurrentLayer
from ffhw.numbers.tables import Tanh


def read(described: Described) -> Read:
    """SimpleRNN layer: ``kernel [D, N]``, ``recurrent_kernel [N, N]``, ``bias [N]``."""
    n, use_bias = described.options["units"], described.options["use_bias"]
    described.expect_arrays(0)
    described.expect_arrays(2 + use_bias, "cell/")
    weights = keras_weights(described, 1)
    bias = described.array("cell/vars/2", n) if use_bias else np.zeros(n)
    return directed(described, FloatSimpleRNN(**weights, bias=bias[None]))


KERAS = (KerasClass("SimpleRNN", {**RECURRENT_OPTIONS, "activation": only("tanh")}, read),)


@dataclasses.dataclass(frozen=True, eq=False)
class SimpleRNNLayer(RecurrentLayer):
    """Tanh units in integers: h is what the table gives."""

    kind: ClassVar[str] = "simple_rnn"
    signals: ClassVar[tuple[str, ...]] = ("h",)
    gate_tables = (Tanh,)
    state_table = Tanh

    def update(self, gates: list[Ints], *state: Ints) -> tuple[Ints, ...]:  # noqa: D102
        return tuple(gates)


@dataclasses.dataclass(frozen=True)
class FloatSimpleRNN(FloatRecurrent):
    """Trained tanh units."""

    kind: ClassVar[str] = "simple_rnn"
    quantized = SimpleRNNLayer

    def step(self, sums: list[Floats], *state: Floats) -> tuple[Floats, ...]:  # noqa: D102
        return (np.tanh(sums[0]),)

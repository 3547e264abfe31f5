"""JK flip-flop neurons (eq. 1-3 of the JK flip-flop network paper). Gate order everywhere: J, then K.

J   = sigmoid(Wjx x_t + bj + Wjh h_{t-1})        K = sigmoid(Wkx x_t + bk + Wkh h_{t-1})
h_t = J (1 - h_{t-1}) + (1 - K) h_{t-1}
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from ffhw.layers.base import Floats, Ints
from ffhw.layers.flip_flop import FlipFlopLayer, FloatFlipFlop, float_update, keras_class, state_update
from ffhw.numbers.tables import Sigmoid


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class JKLayer(FlipFlopLayer):
    """JK neurons in integers; J, K and h are codes of ``Unorm``."""

    kind: ClassVar[str] = "jk"
    signals: ClassVar[tuple[str, ...]] = ("j", "k", "h")
    gate_tables = (Sigmoid, Sigmoid)

    def update(self, gates: list[Ints], *state: Ints) -> tuple[Ints, ...]:  # noqa: D102
        j, k = gates
        return j, k, state_update(j, k, state[0], self.state.bits)


@dataclasses.dataclass(frozen=True, kw_only=True)
class FloatJK(FloatFlipFlop):
    """Trained JK neurons; ``bias`` is the sum of the two that Keras has."""

    kind: ClassVar[str] = "jk"
    quantized: ClassVar[type[FlipFlopLayer]] = JKLayer

    def step(self, sums: list[Floats], *state: Floats) -> tuple[Floats, ...]:  # noqa: D102
        j, k = self.opened(sums)
        return (float_update(j, k, state[0]),)


KERAS = (keras_class("JK", FloatJK, 2),)

"""Toggle flip-flop neurons, a precursor of the JK neuron: one gate, half the JK neuron's weights.

T   = sigmoid(Wx x_t + b + Wh h_{t-1})
h_t = T (1 - h_{t-1}) + (1 - T) h_{t-1}

    T   h_t             the JK update with J = K = T
    0   h_{t-1}
    1   1 - h_{t-1}
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from ffhw.layers.base import Floats, Ints
from ffhw.layers.flip_flop import FlipFlopLayer, FloatFlipFlop, float_update, keras_class, state_update
from ffhw.numbers.tables import Sigmoid


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class ToggleLayer(FlipFlopLayer):
    """Toggle neurons in integers; T and h are codes of ``Unorm``."""

    kind: ClassVar[str] = "toggle"
    signals: ClassVar[tuple[str, ...]] = ("t", "h")
    gate_tables = (Sigmoid,)

    def update(self, gates: list[Ints], *state: Ints) -> tuple[Ints, ...]:  # noqa: D102
        (toggle,) = gates
        return toggle, state_update(toggle, toggle, state[0], self.state.bits)


@dataclasses.dataclass(frozen=True, kw_only=True)
class FloatToggle(FloatFlipFlop):
    """Trained toggle neurons; ``bias`` is the sum of the two that Keras has."""

    kind: ClassVar[str] = "toggle"
    quantized = ToggleLayer

    def step(self, sums: list[Floats], *state: Floats) -> tuple[Floats, ...]:  # noqa: D102
        (toggle,) = self.opened(sums)
        return (float_update(toggle, toggle, state[0]),)


KERAS = (keras_class("Toggle", FloatToggle, 1),)

"""SR flip-flop neurons, a precursor of the JK neuron. Gate order everywhere: S (set), then R (reset).

S = sigmoid(Wsx x_t + bs + Wsh h_{t-1})        R = sigmoid(Wrx x_t + br + Wrh h_{t-1})

An SR flip-flop leaves open what S = R = 1 does. ``both`` says it:

    S R   h_t          both      h_t between the corners                     = JK update with
    0 0   h_{t-1}      "set"     S + (1 - S) (1 - R) h                         J = S          K = R (1 - S)
    1 0   1            "reset"   (1 - R) (S + (1 - S) h)                       J = S (1 - R)  K = R
    0 1   0            "hold"    S (1 - R) + ((1 - S) (1 - R) + S R) h         J = S (1 - R)  K = R (1 - S)
    1 1   by `both`: 1, 0 or h_{t-1}
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

from ffhw.layers.base import Calibration, Floats, Ints, require
from ffhw.layers.description import one_of
from ffhw.layers.flip_flop import FlipFlopLayer, FloatFlipFlop, float_update, keras_class, state_update
from ffhw.numbers.gates import interpolate
from ffhw.numbers.scales import Precision
from ffhw.numbers.tables import Sigmoid

BOTH = ("set", "reset", "hold")


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class SRLayer(FlipFlopLayer):
    """SR neurons in integers; S, R and h are codes of ``Unorm``; ``both``: what S = R = 1 does, one of :data:`BOTH`."""

    kind: ClassVar[str] = "sr"
    signals: ClassVar[tuple[str, ...]] = ("s", "r", "h")
    gate_tables = (Sigmoid, Sigmoid)

    both: str = "set"

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.both in BOTH, f"layer {self.name!r}: both must be one of {', '.join(BOTH)}, not {self.both!r}")

    def update(self, gates: list[Ints], *state: Ints) -> tuple[Ints, ...]:  # noqa: D102
        s, r = gates
        bits, top = self.state.bits, self.state.max
        zero = s * 0
        # J = S, or round(S ~R / M)        K = R, or round(R ~S / M)
        j = s if self.both == "set" else interpolate(top - r, s, zero, bits)
        k = r if self.both == "reset" else interpolate(top - s, r, zero, bits)
        return s, r, state_update(j, k, state[0], bits)


@dataclasses.dataclass(frozen=True, kw_only=True)
class FloatSR(FloatFlipFlop):
    """Trained SR neurons; ``bias`` is the sum of the two that Keras has."""

    kind: ClassVar[str] = "sr"
    quantized = SRLayer

    both: str = "set"

    def step(self, sums: list[Floats], *state: Floats) -> tuple[Floats, ...]:  # noqa: D102
        s, r = self.opened(sums)
        j = s if self.both == "set" else s * (1 - r)
        k = r if self.both == "reset" else r * (1 - s)
        return (float_update(j, k, state[0]),)

    @classmethod
    def options_of(cls, layer: Any) -> dict[str, Any]:  # noqa: D102
        return {**super().options_of(layer), "both": layer.both}

    def own_options(self, data: Calibration, precision: Precision) -> dict[str, Any]:  # noqa: D102
        return {**super().own_options(data, precision), "both": self.both}


KERAS = (keras_class("SR", FloatSR, 2, {"both": one_of(BOTH)}),)

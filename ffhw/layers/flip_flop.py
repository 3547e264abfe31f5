"""What flip-flop neurons share: one update of the state, and one Keras description.

Each is the digital flip-flop's characteristic equation, read as the multilinear function that agrees with its truth
table at the corners: gates and states may then be anything between 0 and 1. All of them are the JK neuron's update
behind its own two inputs J and K.

A gate is ``sigmoid(v)``, which is never quite 0, or one that closes, ``clip((1 + 2 s) sigmoid(v) - s, 0, 1)``: 0 where
the sigmoid is small, so that a state between two events stays exactly what it is, in floats as in integers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from ffhw.layers.base import Calibration, Floats, Ints, require
from ffhw.layers.description import FLAG, FLAG_ON, UNUSED, Described, KerasClass, Option, Read
from ffhw.layers.float_recurrent import RECURRENT_OPTIONS, FloatRecurrent, directed, keras_weights
from ffhw.layers.recurrent import RecurrentLayer
from ffhw.numbers.gates import interpolate
from ffhw.numbers.scales import Precision
from ffhw.numbers.tables import ClosingSigmoid, Sigmoid, Table, closing_sigmoid, sigmoid


def float_update(j: Floats, k: Floats, h: Floats) -> Floats:
    """``h_t = J (1 - h) + (1 - K) h`` (JK flip-flop network paper, eq. 3)."""
    return j * (1 - h) + (1 - k) * h


def state_update(j: Ints, k: Ints, h: Ints, bits: int) -> Ints:
    """Next state of flip-flop neurons: ``round((J (M - H) + (M - K) H) / M)`` (eq. 3), without a division.

    Parameters
    ----------
    j, k, h: codes of ``Unorm(bits)``, shapes that broadcast.

    Returns
    -------
    Codes of ``Unorm(bits)``. J = K = 0 returns ``h`` itself.
    """
    # t = J * ~H + ~K * H: the old state chooses between J and ~K
    return interpolate(h, (1 << bits) - 1 - k, j, bits)


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class FlipFlopLayer(RecurrentLayer):
    """Flip-flop neurons in integers; gates and h are codes of ``Unorm``; ``closing``: whether its gates close."""

    state_table = Sigmoid
    unsaid = (*RecurrentLayer.unsaid, "closing")

    closing: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        require(isinstance(self.closing, bool), f"layer {self.name!r}: closing must be true or false")

    @property
    def tables(self) -> tuple[Table, ...]:  # noqa: D102
        table = ClosingSigmoid if self.closing else Sigmoid
        return (table(self.state.bits),) * len(self.gate_tables)

    @property
    def title(self) -> str:  # noqa: D102
        return f"{super().title}, gates that close" if self.closing else super().title


@dataclasses.dataclass(frozen=True, kw_only=True)
class FloatFlipFlop(FloatRecurrent):
    """Trained flip-flop neurons; ``bias`` is the sum of the two that Keras has; ``closing``: whether gates close."""

    closing: bool = False

    def opened(self, sums: list[Floats]) -> list[Floats]:
        """The gates, from their sums."""
        gate = closing_sigmoid if self.closing else sigmoid
        return [gate(v) for v in sums]

    @classmethod
    def options_of(cls, layer: Any) -> dict[str, Any]:  # noqa: D102
        return {**super().options_of(layer), "closing": layer.closing}

    def own_options(self, data: Calibration, precision: Precision) -> dict[str, Any]:  # noqa: D102
        return {**super().own_options(data, precision), "closing": self.closing}


def keras_class(
    name: str, layer: type[FloatFlipFlop], gates: int, own: Mapping[str, Option] | None = None
) -> KerasClass:
    """Layer ``name`` of :mod:`ffhw.training`: ``kernel [D, G N]``, ``recurrent_kernel [N, G N]`` (not without
    ``recurrent_gates``), ``bias [2, G N]``.

    Parameters
    ----------
    gates: G. own: further options, which the layer takes under their names.
    """

    def read(described: Described) -> Read:
        options, n = described.options, described.options["units"]
        described.expect_arrays(0)
        matrices = 1 + options["recurrent_gates"]
        described.expect_arrays(matrices + options["use_bias"], "cell/")
        weights = keras_weights(described, gates, options["recurrent_gates"])
        # hardware needs one bias: the input's and the recurrent one are always added
        wide = gates * n
        bias = described.array(f"cell/vars/{matrices}", 2, wide).sum(axis=0) if options["use_bias"] else np.zeros(wide)
        given: dict[str, Any] = {option: options[option] for option in ("closing", *(own or {}))}
        return directed(described, layer(**weights, bias=bias.reshape(gates, n), **given))

    unused = dict.fromkeys(("implementation", "hold_penalty"), UNUSED)
    options = {**RECURRENT_OPTIONS, "recurrent_gates": FLAG_ON, "centered": FLAG, "closing": FLAG}
    options |= {**unused, **(own or {})}
    return KerasClass(name, options, read, registered=f"ffhw>{name}")

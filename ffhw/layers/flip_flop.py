"""What flip-flop neurons share: one update of the state, and one Keras description.

Each is the digital flip-flop's characteristic equation, read as the multilinear function that agrees with its truth
table at the corners: gates and states may then be anything between 0 and 1. All of them are the JK neuron's update
behind its own two inputs J and K.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ffhw.layers.base import Floats, Ints
from ffhw.layers.description import FLAG, FLAG_ON, UNUSED, Described, KerasClass, Option, Read
from ffhw.layers.float_recurrent import RECURRENT_OPTIONS, FloatRecurrent, directed, keras_weights
from ffhw.numbers.gates import interpolate


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


def keras_class(
    name: str, layer: type[FloatRecurrent], gates: int, own: Mapping[str, Option] | None = None
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
        given: dict[str, Any] = {option: options[option] for option in own or {}}
        return directed(described, layer(**weights, bias=bias.reshape(gates, n), **given))

    unused = dict.fromkeys(("implementation", "hold_penalty"), UNUSED)
    options = {**RECURRENT_OPTIONS, "recurrent_gates": FLAG_ON, "centered": FLAG, **unused, **(own or {})}
    return KerasClass(name, options, read, registered=f"ffhw>{name}")

"""What a flip-flop neuron really does: its gates beside its state, while the network works."""

from __future__ import annotations

from typing import Any

import numpy as np

from ffhw.training.analysis.dynamics import Dynamics, QuantizedDynamics
from ffhw.training.analysis.numbers import rounded
from ffhw.training.analysis.probe import Probe

_SHOWN = 4
_OPEN, _SHUT = 0.5, 0.05


def flip_flops(system: Dynamics | QuantizedDynamics, shown: Probe, dt_ms: float) -> dict[str, Any]:
    """J, K and h over time of the units that change most, and what the gates of all of them do.

    Returns
    -------
    ``units``: number, ``j``, ``k``, ``h`` of each. ``modes``: share of all units and steps at which a unit holds (both
    gates under 0.05), sets (J alone above 0.5), resets (K alone above 0.5), toggles (both above 0.5), or does something
    in between.
    """
    j, k, h = system.gates(shown.x[:1])
    busiest = np.argsort(-h[0].std(axis=0))[:_SHOWN]
    modes = {
        "hold": (j < _SHUT) & (k < _SHUT),
        "set": (j > _OPEN) & (k <= _OPEN),
        "reset": (k > _OPEN) & (j <= _OPEN),
        "toggle": (j > _OPEN) & (k > _OPEN),
    }
    shares = {name: float(where.mean()) for name, where in modes.items()}
    return {
        "dt_ms": dt_ms,
        "inputs": rounded(shown.x[0], 4),
        "units": [
            {"unit": int(n), "j": rounded(j[0, :, n], 4), "k": rounded(k[0, :, n], 4), "h": rounded(h[0, :, n], 4)}
            for n in busiest
        ],
        "modes": {**shares, "between": 1.0 - sum(shares.values())},
    }

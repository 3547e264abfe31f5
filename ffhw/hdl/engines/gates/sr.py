"""SR flip-flops, and what S = R = 1 does."""

from __future__ import annotations

from typing import Any

from ffhw.hdl.engines.gates import jk
from ffhw.hdl.engines.gates.recurrent import engine_with
from ffhw.layers.sr import SRLayer


def update(layer: SRLayer, gates: list[Any], h: Any) -> Any:
    """That of a JK flip-flop behind its own J and K."""
    s, r = gates
    # J = S, or S & ~R        K = R, or R & ~S
    j = s if layer.both == "set" else s & ~r
    k = r if layer.both == "reset" else r & ~s
    return jk.update(layer, [j, k], h)


engine = engine_with(update)

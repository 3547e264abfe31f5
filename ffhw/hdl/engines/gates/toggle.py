"""Toggle flip-flops."""

from __future__ import annotations

from typing import Any

from ffhw.hdl.engines.gates.recurrent import engine_with


def update(layer: Any, gates: list[Any], h: Any) -> Any:
    """The characteristic equation of the toggle flip-flop."""
    (t,) = gates
    # H' = T ^ H
    return t ^ h


engine = engine_with(update)

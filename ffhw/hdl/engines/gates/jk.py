"""JK flip-flops."""

from __future__ import annotations

from typing import Any

from ffhw.hdl.engines.gates.recurrent import engine_with


def update(layer: Any, gates: list[Any], h: Any) -> Any:
    """The characteristic equation of the JK flip-flop."""
    j, k = gates
    # H' = J & ~H | ~K & H
    return (j & ~h) | (~k & h)


engine = engine_with(update)

"""GRU layers with the reset before the product in C."""

from __future__ import annotations

from ffhw.layers.gru_reset_before import GRUResetBeforeLayer
from ffhw.native.recurrent import cell
from ffhw.native.source import Source


def code(source: Source, layer: GRUResetBeforeLayer, name: str, sink: str) -> None:
    """A layer that gives its states to ``sink``."""
    bits = layer.state.bits
    # P = (R H + half) >> b
    passed_on = f"rounded(weight(g0, {bits}) * h, {bits})"
    # H' = round((Z H + ~Z N) / M)
    cell(source, layer, name, sink, [f"h = interpolate_signed(g1, h, g2, {bits});"], passed_on)

"""Toggle layers in C."""

from __future__ import annotations

from ffhw.layers.toggle import ToggleLayer
from ffhw.native.recurrent import cell
from ffhw.native.source import Source


def code(source: Source, layer: ToggleLayer, name: str, sink: str) -> None:
    """A layer that gives its states to ``sink``."""
    bits, top = layer.state.bits, layer.state.max
    # H' = round((T (M - H) + (M - T) H) / M)
    cell(source, layer, name, sink, [f"h = interpolate(h, {top} - g0, g0, {bits});"])

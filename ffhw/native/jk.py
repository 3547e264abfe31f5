"""JK layers in C."""

from __future__ import annotations

from ffhw.layers.jk import JKLayer
from ffhw.native.recurrent import cell
from ffhw.native.source import Source


def code(source: Source, layer: JKLayer, name: str, sink: str) -> None:
    """A layer that gives its states to ``sink``."""
    bits, top = layer.state.bits, layer.state.max
    # H' = round((J (M - H) + (M - K) H) / M)
    cell(source, layer, name, sink, [f"h = interpolate(h, {top} - g1, g0, {bits});"])

"""SR layers in C."""

from __future__ import annotations

from ffhw.layers.sr import SRLayer
from ffhw.native.recurrent import cell
from ffhw.native.source import Source


def code(source: Source, layer: SRLayer, name: str, sink: str) -> None:
    """A layer that gives its states to ``sink``."""
    bits, top = layer.state.bits, layer.state.max
    # J = S or S (1 - R), K = R or R (1 - S)
    j = "g0" if layer.both == "set" else f"interpolate({top} - g1, g0, 0, {bits})"
    k = "g1" if layer.both == "reset" else f"interpolate({top} - g0, g1, 0, {bits})"
    # H' = round((J (M - H) + (M - K) H) / M)
    cell(source, layer, name, sink, [f"h = interpolate(h, {top} - {k}, {j}, {bits});"])

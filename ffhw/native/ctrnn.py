"""CTRNN layers in C."""

from __future__ import annotations

from ffhw.layers.ctrnn import CTRNNLayer
from ffhw.native.recurrent import cell
from ffhw.native.source import Source


def code(source: Source, layer: CTRNNLayer, name: str, sink: str) -> None:
    """A layer that gives its states to ``sink``."""
    # H' = round((A N + ~A H) / M)
    cell(source, layer, name, sink, [f"h = interpolate_signed({layer.alpha}, g0, h, {layer.state.bits});"])

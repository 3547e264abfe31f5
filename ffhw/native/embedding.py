"""Embedding layers in C."""

from __future__ import annotations

from ffhw.layers.embedding import EmbeddingLayer
from ffhw.native.source import Source, plain


def code(source: Source, layer: EmbeddingLayer, name: str, sink: str) -> None:
    """A layer that gives a row of its table for each token."""
    size = layer.output_size
    source.array(f"{name}_table", layer.table)
    lines = [f"num y[{size}];", f"for (int u = 0; u < {size}; u++) y[u] = {name}_table[x[0] * {size} + u];"]
    source.function(f"{name}_step", [*lines, f"{sink}_step(s, y);"], comment=f"{plain(layer.name)}: embedding")
    source.passing(name, sink)

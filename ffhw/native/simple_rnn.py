"""SimpleRNN layers in C."""

from __future__ import annotations

from ffhw.layers.simple_rnn import SimpleRNNLayer
from ffhw.native.recurrent import cell
from ffhw.native.source import Source


def code(source: Source, layer: SimpleRNNLayer, name: str, sink: str) -> None:
    """A layer that gives its states to ``sink``."""
    cell(source, layer, name, sink, ["h = g0;"])

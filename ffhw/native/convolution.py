"""Convolutions over time in C: the last steps side by side, and a dense layer."""

from __future__ import annotations

from ffhw.layers.convolution import ConvolutionLayer
from ffhw.native import dense
from ffhw.native.source import Source, plain


def code(source: Source, layer: ConvolutionLayer, name: str, sink: str) -> None:
    """A layer that gives an answer for each window to ``sink``."""
    taps, size = layer.taps, layer.input_size
    rhythm = layer.rhythm
    source.array(f"{name}_before", layer.before)
    window = f"s->{name}_window"
    fill = f"for (int u = 0; u < {taps * size}; u++) {window}[u] = {name}_before[u % {size}];"
    source.member(f"num {name}_window[{taps * size}]", fill)
    # steps until the next answer
    source.member(f"int {name}_wait", f"s->{name}_wait = {rhythm.lead};")
    lines = [
        f"memmove({window}, {window} + {size}, {(taps - 1) * size} * sizeof(num));",
        f"memcpy({window} + {(taps - 1) * size}, x, {size} * sizeof(num));",
        f"if (s->{name}_wait--) return;",
        f"s->{name}_wait = {rhythm.stride - 1};",
    ]
    lines += dense.answer(source, layer, name, sink, window)
    source.function(f"{name}_step", lines, comment=f"{plain(layer.name)}: convolution over {taps} steps")
    source.passing(name, sink)

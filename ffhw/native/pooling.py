"""Global pooling in C."""

from __future__ import annotations

from ffhw.layers.pooling import PoolingLayer
from ffhw.native.source import Source, plain


def code(source: Source, layer: PoolingLayer, name: str, sink: str) -> None:
    """A layer that gives one answer a sequence to ``sink``."""
    size, low = layer.size, layer.input.min
    total = f"s->{name}_total"
    source.member(f"num {name}_total[{size}]", f"memset({total}, 0, sizeof {total});")
    source.member(f"num {name}_steps", f"s->{name}_steps = 0;")
    # counted from the smallest code, so that nothing is negative
    above = f"x[u] - ({low})"
    take = f"{total}[u] += {above};"
    # floor((2 sum + n) / (2 n)) = floor((sum + floor(n / 2)) / n)
    give = f"({total}[u] + s->{name}_steps / 2) / s->{name}_steps"
    if layer.pooling == "max":
        take, give = f"if ({above} > {total}[u]) {total}[u] = {above};", f"{total}[u]"
    loop = f"for (int u = 0; u < {size}; u++)"
    source.function(
        f"{name}_step", [f"{loop} {take}", f"s->{name}_steps++;"], comment=f"{plain(layer.name)}: {layer.pooling}"
    )
    lines = [f"num y[{size}];", f"{loop} y[u] = {give} + ({low});", f"{sink}_step(s, y);", f"{sink}_end(s);"]
    source.function(f"{name}_end", lines, x=False)

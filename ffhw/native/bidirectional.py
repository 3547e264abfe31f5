"""Bidirectional layers in C: both directions' answers are stored, then merged."""

from __future__ import annotations

from ffhw.layers import rule
from ffhw.layers.bidirectional import BidirectionalLayer
from ffhw.native.reversal import backwards, store
from ffhw.native.source import Source, plain
from ffhw.numbers.formats import Fixed


def code(source: Source, layer: BidirectionalLayer, name: str, sink: str) -> None:
    """A layer that gives merged states to ``sink``, of all steps or once a sequence."""
    n, answers = layer.units, layer.steps if layer.return_sequences else 1
    given = {direction: f"{name}_{direction}_given" for direction in layer.directions}
    for direction, part in layer.directions.items():
        store(source, given[direction], answers, n)
        source.function(f"{given[direction]}_end", [], x=False)
        rule("ffhw.native", "C code", part).code(source, part, f"{name}_{direction}", given[direction])
    store(source, name, layer.steps, layer.input_size, f"{name}_ahead_step(s, x);", f"{plain(layer.name)}: both ways")
    ahead, back = (f"s->{given[direction]}_kept" for direction in ("ahead", "back"))
    count = f"s->{given['ahead']}_count"
    size = layer.output_size
    lines = [
        f"{name}_ahead_end(s);",
        *backwards(name, layer.input_size, f"{name}_back"),
        f"{name}_back_end(s);",
        f"for (int32_t t = 0; t < {count}; t++) {{",
        # the backward direction came to this step when so many were left
        f"  const num *a = {ahead} + t * (size_t){n}, *b = {back} + ({count} - 1 - t) * (size_t){n};",
        f"  num y[{size}];",
        f"  for (int u = 0; u < {n}; u++) {_merged(layer)}",
        f"  {sink}_step(s, y);",
        "}",
        f"{sink}_end(s);",
    ]
    source.function(f"{name}_end", lines, x=False)


def _merged(layer: BidirectionalLayer) -> str:
    """Statement that merges unit ``u`` of both directions."""
    state = layer.ahead.state
    if layer.merge == "concat":
        return f"y[u] = a[u], y[{layer.units} + u] = b[u];"
    if layer.merge == "sum":
        return "y[u] = a[u] + b[u];"
    if layer.merge == "ave":
        # (a + b + 1) >> 1
        return "y[u] = rounded(a[u] + b[u], 1);"
    if isinstance(state, Fixed):
        # (a b + half) >> (b - 1), saturated
        return f"y[u] = clip(rounded(a[u] * b[u], {state.frac}), {state.min}, {state.max});"
    # round(a b / M)
    return f"y[u] = interpolate(a[u], b[u], 0, {state.bits});"

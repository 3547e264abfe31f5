"""Dense layers in C."""

from __future__ import annotations

from ffhw.layers.dense import DenseLayer
from ffhw.native.source import Source, plain
from ffhw.numbers.formats import Fixed, Unorm
from ffhw.numbers.tables import Sigmoid


def code(source: Source, layer: DenseLayer, name: str, sink: str) -> None:
    """A layer that gives its outputs to ``sink``."""
    source.function(f"{name}_step", answer(source, layer, name, sink, "x"), comment=f"{plain(layer.name)}: dense")
    source.passing(name, sink)


def answer(source: Source, layer: DenseLayer, name: str, sink: str, x: str) -> list[str]:
    """Statements that give ``sink`` the outputs for the vector ``x``."""
    n, elements = layer.weights.shape
    source.array(f"{name}_weights", layer.weights.T)
    source.array(f"{name}_bias", layer.bias)
    lines = [
        f"num acc[{n}];",
        f"PRODUCTS(acc, {name}_weights, {x}, {elements}, {n});",
        # acc = (W x << shift_x) + bias
        f"for (int u = 0; u < {n}; u++) acc[u] = acc[u] * ((num)1 << {layer.shift_x}) + {name}_bias[u];",
    ]
    if layer.activation == "argmax":
        lines += ["num best = 0;", f"for (int u = 1; u < {n}; u++) if (acc[u] > acc[best]) best = u;"]
        return [*lines, f"{sink}_step(s, &best);"]
    if isinstance(layer.output, Unorm):
        result = f"{source.table(Sigmoid(layer.output.bits))}(acc[u] >> {layer.result_shift})"
    else:
        assert isinstance(layer.output, Fixed)
        # output = saturate((acc + half) >> shift)
        low = 0 if layer.activation == "relu" else layer.output.min
        result = f"clip(rounded(acc[u], {layer.result_shift}), {low}, {layer.output.max})"
    return [*lines, f"for (int u = 0; u < {n}; u++) acc[u] = {result};", f"{sink}_step(s, acc);"]

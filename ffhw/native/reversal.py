"""Reversals in C: a sequence is stored, and given from its end."""

from __future__ import annotations

from ffhw.layers.reversal import ReversalLayer
from ffhw.native.source import Source, plain


def code(source: Source, layer: ReversalLayer, name: str, sink: str) -> None:
    """A layer that gives each sequence to ``sink`` with its last step first."""
    store(source, name, layer.steps, layer.size, comment=f"{plain(layer.name)}: reversal")
    source.function(f"{name}_end", [*backwards(name, layer.size, sink), f"{sink}_end(s);"], x=False)


def store(source: Source, name: str, steps: int, size: int, then: str = "", comment: str = "") -> None:
    """Keep each step ``[size]`` of up to ``steps``, as ``<name>_kept``; ``then``: a statement behind."""
    source.member(f"num {name}_kept[{steps * size}]")
    source.member(f"int32_t {name}_count", f"s->{name}_count = 0;")
    keep = f"memcpy(s->{name}_kept + s->{name}_count++ * (size_t){size}, x, {size} * sizeof(num));"
    source.function(f"{name}_step", [keep, *([then] if then else [])], comment=comment)


def backwards(name: str, size: int, sink: str) -> list[str]:
    """Statements that give what was kept, last step first."""
    loop = f"for (int32_t t = s->{name}_count - 1; t >= 0; t--)"
    return [f"{loop} {sink}_step(s, s->{name}_kept + t * (size_t){size});"]

"""Recurrent layers in C: sums of products, look-ups, and the cell's update, unit by unit."""

from __future__ import annotations

from collections.abc import Sequence

from ffhw.layers.recurrent import RecurrentLayer
from ffhw.native.source import Source, plain


def cell(
    source: Source, layer: RecurrentLayer, name: str, sink: str, update: Sequence[str], passed_on: str = ""
) -> None:
    """A layer whose cell is ``update``: C statements for one unit.

    They find the gates' codes as ``g0``, ``g1``, ... in the order of :meth:`RecurrentLayer.update`, and the parts of
    the state under their names, which they change.

    passed_on: expression of what the dependent gates multiply instead of h, from ``h`` and the codes before.
    """
    n, gates, parts = layer.units, layer.gates, layer.state_signals
    together = gates - layer.apart
    free = together - layer.dependent
    wide, size = gates * n, layer.recurrent_size
    wh = layer.weights_h.reshape(wide, size)
    again = (free + layer.apart) * n  # sums of h itself
    source.array(f"{name}_wx", layer.weights_x.reshape(wide, -1).T)
    source.array(f"{name}_bias", layer.bias)
    source.states[name] = [f"{name}_{part}" for part in parts]
    for part in parts:
        source.member(f"num {name}_{part}[{n}]", f"memset(s->{name}_{part}, 0, sizeof s->{name}_{part});")
    lines = [
        f"num acc[{layer.sums * n}];",
        # the inputs' part of each sum
        f"PRODUCTS(acc, {name}_wx, x, {layer.input_size}, {wide});",
        f"for (int u = 0; u < {wide}; u++) acc[u] = acc[u] * {_power(layer.shift_x)} + {name}_bias[u];",
    ]
    if size:
        columns = [*range(free * n), *range(together * n, wide)]
        source.array(f"{name}_wh", wh[columns].T)
        lines += [f"num again[{again}];", f"PRODUCTS(again, {name}_wh, s->{name}_h, {size}, {again});"]
        # acc = (Wx x << shift_x) + bias + (Wh h << shift_h)
        lines += [f"for (int u = 0; u < {free * n}; u++) acc[u] += again[u] * {_power(layer.shift_h)};"]
    if layer.apart:
        lines += [
            f"for (int u = 0; u < {layer.apart * n}; u++)",
            f"  acc[{wide} + u] = again[{free * n} + u] * {_power(layer.shift_h)} + {name}_bias[{wide} + u];",
        ]
    if layer.dependent:
        source.array(f"{name}_wp", wh[free * n : together * n].T)
        late = (together - free) * n
        lines += [f"num p[{n}], late[{late}];", f"for (int u = 0; u < {n}; u++) {{"]
        lines += [*(f"  {line}" for line in _gates(source, layer, range(free))), f"  const num h = s->{name}_h[u];"]
        lines += [f"  p[u] = {passed_on};", "}", f"PRODUCTS(late, {name}_wp, p, {size}, {late});"]
        lines += [f"for (int u = 0; u < {late}; u++) acc[{free * n} + u] += late[u] * {_power(layer.shift_h)};"]
    lines += [f"for (int u = 0; u < {n}; u++) {{"]
    lines += [f"  {line}" for line in _gates(source, layer, range(together))]
    # gates whose two sums are kept apart: the inputs' before the recurrent ones
    lines += [f"  const num g{gate} = acc[{gate * n} + u];" for gate in range(together, layer.sums)]
    lines += [f"  num {part} = s->{name}_{part}[u];" for part in parts]
    lines += [f"  {line}" for line in update]
    lines += [f"  s->{name}_{part}[u] = {part};" for part in parts]
    lines += ["}"]
    answer = f"{sink}_step(s, s->{name}_h);"
    title = f"{plain(layer.name)}: {plain(layer.title)}, {layer.input_size} inputs, {n} units of {layer.state}"
    source.function(f"{name}_step", [*lines, *([answer] if layer.return_sequences else [])], comment=title)
    end = [] if layer.return_sequences else [answer]
    source.function(f"{name}_end", [*end, f"{sink}_end(s);"], x=False)


def _gates(source: Source, layer: RecurrentLayer, gates: range) -> list[str]:
    """Statements that look gates up by their accumulators."""
    n = layer.units
    tables = [source.table(layer.tables[gate]) for gate in gates]
    return [
        f"const num g{gate} = {table}(acc[{gate * n} + u] >> {layer.gate_shifts[gate]});"
        for gate, table in zip(gates, tables, strict=True)
    ]


def _power(shift: int) -> str:
    return f"((num)1 << {shift})"

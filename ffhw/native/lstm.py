"""LSTM layers in C."""

from __future__ import annotations

from ffhw.layers.lstm import LSTMLayer
from ffhw.native.recurrent import cell
from ffhw.native.source import Source
from ffhw.numbers.tables import Tanh


def code(source: Source, layer: LSTMLayer, name: str, sink: str) -> None:
    """A layer that gives its states to ``sink``."""
    bits = layer.state.bits
    forget, add, back = layer.cell_shifts
    up, down = layer.tanh_shifts
    update = [
        # C' = saturate((F C << a) + (I G << d) rounded half up)
        f"const num kept = weight(g1, {bits}) * c * ((num)1 << {forget});",
        f"const num added = weight(g0, {bits}) * g2 * ((num)1 << {add});",
        f"c = clip(rounded(kept + added, {back}), {layer.cell.min}, {layer.cell.max});",
        # H' = (O tanh(C') + half) >> b
        f"const num squashed = {source.table(Tanh(bits))}(c * ((num)1 << {up}) >> {down});",
        f"h = rounded(weight(g3, {bits}) * squashed, {bits});",
    ]
    cell(source, layer, name, sink, update)

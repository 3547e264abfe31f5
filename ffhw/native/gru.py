"""GRU layers in C."""

from __future__ import annotations

from ffhw.layers.gru import GRULayer
from ffhw.native.recurrent import cell
from ffhw.native.source import Source
from ffhw.numbers.tables import Tanh


def code(source: Source, layer: GRULayer, name: str, sink: str) -> None:
    """A layer that gives its states to ``sink``."""
    bits = layer.state.bits
    own, again, shift = layer.candidate_shifts
    tanh = source.table(Tanh(bits))
    update = [
        # m = (acc_nh + half) >> s, then n = tanh(acc_nx + R m)
        f"const num m = rounded(g3, {layer.recurrent_shift});",
        f"const num sum = g2 * ((num)1 << {own}) + weight(g1, {bits}) * m * ((num)1 << {again});",
        f"const num n = {tanh}(sum >> {shift});",
        # H' = round((Z H + ~Z N) / M)
        f"h = interpolate_signed(g0, h, n, {bits});",
    ]
    cell(source, layer, name, sink, update)

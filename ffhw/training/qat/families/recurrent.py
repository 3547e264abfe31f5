"""Recurrent layers, whose gates and updates are the golden model's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keras import ops

from ffhw.layers.recurrent import RecurrentLayer
from ffhw.training.qat.codes import Rounding
from ffhw.training.qat.loop import states
from ffhw.training.qat.steps import real


def run(layer: RecurrentLayer, codes: Mapping[str, Any], x: Any, lengths: Any, rounding: Rounding) -> Any:
    """The layer's answers, see the folder's head."""
    n, gates = layer.units, layer.gates
    sequence = ops.transpose(x, (1, 0, 2))
    # (Wx x << shift_x) + bias
    kernel = ops.transpose(ops.reshape(codes["weights_x"], (gates * n, layer.input_size))) * 2.0**layer.shift_x
    driven = ops.matmul(sequence, kernel) + ops.reshape(codes["bias"][:gates], (gates * n,))
    if layer.apart:
        apart = ops.reshape(codes["bias"][gates:], (layer.apart * n,))
        shape = (*ops.shape(driven)[:2], layer.apart * n)
        driven = ops.concatenate([driven, ops.broadcast_to(apart, shape)], axis=-1)
    recurrent = None
    if layer.recurrent_size:
        # Wh << shift_h
        recurrent = ops.transpose(ops.reshape(codes["weights_h"], (gates * n, n))) * 2.0**layer.shift_h
    mask = None if lengths is None else ops.transpose(real(x, lengths), (1, 0, 2))
    h = states(layer, driven, recurrent, mask, rounding.exact)
    return ops.transpose(h, (1, 0, 2)) if layer.return_sequences else h[-1]

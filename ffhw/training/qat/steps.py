"""Steps of sequences in tensors: which of them count, and the other way round."""

from __future__ import annotations

from typing import Any

from keras import ops


def real(x: Any, lengths: Any) -> Any:
    """Which steps of ``x [batch, time, D]`` belong to their sequences, ``[batch, time, 1]``."""
    return (ops.arange(ops.shape(x)[1])[None] < ops.cast(lengths, "int32")[:, None])[..., None]


def backwards(x: Any, lengths: Any) -> Any:
    """Sequences with their steps in reverse; what lies past their ends stays there."""
    if lengths is None:
        return ops.flip(x, axis=1)
    t, length = ops.arange(ops.shape(x)[1])[None], ops.cast(lengths, "int32")[:, None]
    order = ops.where(t < length, length - 1 - t, t)
    return ops.take_along_axis(x, order[..., None], axis=1)

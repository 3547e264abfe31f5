"""How each family of layers runs on codes that carry gradients. What its kinds are, the layers say themselves.

A rule takes the layer's arrays as codes, the codes that it is given, ``[batch, time, D]`` (``[batch, D]`` behind a
layer that answers once a sequence), and the sequences' lengths, ``[batch]`` or None; it gives codes. All are floats.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from keras import ops

from ffhw.errors import InputError
from ffhw.layers.base import Layer, below
from ffhw.layers.bidirectional import BidirectionalLayer
from ffhw.layers.convolution import ConvolutionLayer
from ffhw.layers.dense import DenseLayer
from ffhw.layers.embedding import EmbeddingLayer
from ffhw.layers.pooling import PoolingLayer
from ffhw.layers.recurrent import RecurrentLayer
from ffhw.layers.reversal import ReversalLayer
from ffhw.training.qat.codes import Codes, Rounding
from ffhw.training.qat.loop import states

Rule = Callable[[Any, Mapping[str, Any], Any, Any, Rounding], Any]


def _recurrent(layer: RecurrentLayer, codes: Mapping[str, Any], x: Any, lengths: Any, rounding: Rounding) -> Any:
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


def _dense(layer: DenseLayer, codes: Mapping[str, Any], x: Any, lengths: Any, rounding: Rounding) -> Any:
    # acc = (W x << shift_x) + bias
    acc = ops.matmul(x, ops.transpose(codes["weights"])) * 2.0**layer.shift_x + codes["bias"]
    return layer.activate(Codes(acc, rounding)).tensor  # type: ignore[arg-type, attr-defined]


def _convolution(layer: ConvolutionLayer, codes: Mapping[str, Any], x: Any, lengths: Any, rounding: Rounding) -> Any:
    if layer.causal:
        shape = (ops.shape(x)[0], layer.taps - 1, layer.input_size)
        x = ops.concatenate([ops.broadcast_to(codes["before"], shape), x], axis=1)
    ends = x.shape[1] - layer.taps + 1
    seen = [x[:, tap : ends + tap : layer.stride] for tap in range(layer.taps)]
    return _dense(layer, codes, ops.concatenate(seen, axis=2), lengths, rounding)


def _bidirectional(
    layer: BidirectionalLayer, codes: Mapping[str, Any], x: Any, lengths: Any, rounding: Rounding
) -> Any:
    ahead = _recurrent(layer.ahead, below("ahead", codes), x, lengths, rounding)
    back = _recurrent(layer.back, below("back", codes), backwards(x, lengths), lengths, rounding)
    if layer.return_sequences:
        back = backwards(back, lengths)
    merged: Any = layer.merged(Codes(ahead, rounding), Codes(back, rounding))  # type: ignore[arg-type]
    return merged.tensor


def _reversal(layer: ReversalLayer, codes: Mapping[str, Any], x: Any, lengths: Any, rounding: Rounding) -> Any:
    return backwards(x, lengths)


def _embedding(layer: EmbeddingLayer, codes: Mapping[str, Any], x: Any, lengths: Any, rounding: Rounding) -> Any:
    return ops.take(codes["table"], ops.cast(x[..., 0], "int32"), axis=0)


def _pooling(layer: PoolingLayer, codes: Mapping[str, Any], x: Any, lengths: Any, rounding: Rounding) -> Any:
    n = ops.cast(ops.shape(x)[1] if lengths is None else lengths[:, None], x.dtype)
    counts = ops.ones_like(x[..., :1], "bool") if lengths is None else real(x, lengths)
    if layer.pooling == "max":
        return ops.max(ops.where(counts, x, float(layer.input.min)), axis=1)
    # floor((2 sum + n) / (2 n))
    mean = ops.sum(ops.where(counts, x, 0.0), axis=1) / n
    return rounding.half_up(mean)


# The families, and the rule of each; a kind of layer belongs to one by what it is made of.
RULES: dict[type[Layer], Rule] = {
    RecurrentLayer: _recurrent,
    ConvolutionLayer: _convolution,
    DenseLayer: _dense,
    BidirectionalLayer: _bidirectional,
    ReversalLayer: _reversal,
    EmbeddingLayer: _embedding,
    PoolingLayer: _pooling,
}


def rule_of(layer: Layer) -> Rule:
    """The rule of a layer.

    Raises
    ------
    InputError: there is none.
    """
    parts = [layer.ahead, layer.back] if isinstance(layer, BidirectionalLayer) else [layer]
    found = next((rule for family, rule in RULES.items() if isinstance(layer, family)), None)
    if found is None or any(getattr(part, "dependent", 0) for part in parts):
        raise InputError(f"layer {layer.name!r} is of kind {layer.kind}, for which there is no training on integers")
    return found


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

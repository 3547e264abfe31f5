"""The kinds of layer: one file each, registered here, and what they share.

A concern outside this folder, such as ONNX or hardware, has one file a kind as well, under the kind's name;
:func:`rule` finds it.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np

from ffhw.errors import InputError
from ffhw.layers.base import FloatLayer, Layer
from ffhw.layers.bidirectional import BidirectionalLayer, FloatBidirectional
from ffhw.layers.conv_gru import ConvGRULayer, FloatConvGRU
from ffhw.layers.conv_jk import ConvJKLayer, FloatConvJK
from ffhw.layers.conv_lstm import ConvLSTMLayer, FloatConvLSTM
from ffhw.layers.convolution import ConvolutionLayer, FloatConvolution
from ffhw.layers.convolution_3d import Convolution3DLayer, FloatConvolution3D
from ffhw.layers.ctrnn import CTRNNLayer, FloatCTRNN
from ffhw.layers.dense import DenseLayer, FloatDense
from ffhw.layers.embedding import EmbeddingLayer, FloatEmbedding
from ffhw.layers.gru import FloatGRU, GRULayer
from ffhw.layers.gru_reset_before import FloatGRUResetBefore, GRUResetBeforeLayer
from ffhw.layers.jk import FloatJK, JKLayer
from ffhw.layers.lstm import FloatLSTM, LSTMLayer
from ffhw.layers.map_pooling import FloatMapPooling, MapPoolingLayer
from ffhw.layers.pooling import FloatPooling, PoolingLayer
from ffhw.layers.reversal import FloatReversal, ReversalLayer
from ffhw.layers.simple_rnn import FloatSimpleRNN, SimpleRNNLayer
from ffhw.layers.sr import FloatSR, SRLayer
from ffhw.layers.toggle import FloatToggle, ToggleLayer

# One line a kind: the trained and the quantized form.
KINDS: dict[str, tuple[type[FloatLayer], type[Layer]]] = {
    "jk": (FloatJK, JKLayer),
    "sr": (FloatSR, SRLayer),
    "toggle": (FloatToggle, ToggleLayer),
    "simple_rnn": (FloatSimpleRNN, SimpleRNNLayer),
    "ctrnn": (FloatCTRNN, CTRNNLayer),
    "gru": (FloatGRU, GRULayer),
    "gru_reset_before": (FloatGRUResetBefore, GRUResetBeforeLayer),
    "lstm": (FloatLSTM, LSTMLayer),
    "bidirectional": (FloatBidirectional, BidirectionalLayer),
    "reversal": (FloatReversal, ReversalLayer),
    "dense": (FloatDense, DenseLayer),
    "embedding": (FloatEmbedding, EmbeddingLayer),
    "convolution": (FloatConvolution, ConvolutionLayer),
    "pooling": (FloatPooling, PoolingLayer),
    "conv_jk": (FloatConvJK, ConvJKLayer),
    "conv_lstm": (FloatConvLSTM, ConvLSTMLayer),
    "conv_gru": (FloatConvGRU, ConvGRULayer),
    "convolution_3d": (FloatConvolution3D, Convolution3DLayer),
    "map_pooling": (FloatMapPooling, MapPoolingLayer),
}
# Files of what changes a layer, passes, or is a layer of any kind already.
BESIDE = ("activations", "scaling", "passing", "shaping", "settled")
# The Keras classes that are understood, by name.
READ = {
    known.name: known for name in (*KINDS, *BESIDE) for known in importlib.import_module(f"ffhw.layers.{name}").KERAS
}


class NoRule(InputError):
    """A concern that has no rule for a kind of layer."""


def restored(fields: dict[str, Any], arrays: dict[str, Any]) -> Layer:
    """The quantized layer whose ``describe`` and ``stored`` gave these.

    Raises
    ------
    KeyError, TypeError, ValueError: no layer gave them.
    """
    own = dict(fields)
    return KINDS[own.pop("kind")][1].restored(own, arrays)


def is_weight(name: str) -> bool:
    """Whether an array of a layer multiplies; those of layers inside others have their names in front."""
    return name.rpartition(".")[2].startswith("weights")


def blank(fields: dict[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> Layer:
    """The quantized layer of these fields before its numbers are known: weights are -1, a code of every width.

    Raises
    ------
    KeyError, TypeError, ValueError: no layer has these fields.
    """
    lowest = {name: -1 if is_weight(name) else 0 for name in shapes}
    return restored(fields, {name: np.full(shape, lowest[name], np.int64) for name, shape in shapes.items()})


def of_numbers(layer: Layer, numbers: Mapping[str, Any]) -> FloatLayer:
    """The float layer whose ``numbers`` for a quantized layer are these."""
    return KINDS[layer.kind][0].of_numbers(layer, numbers)


def rule(package: str, concern: str, layer: Layer, name: str | None = None) -> ModuleType:
    """The module of a concern that knows how to treat a layer's kind.

    Parameters
    ----------
    package: folder of the concern's rules. concern: what it is called, for the message.
    name: of the module, where rules are not those of kinds.

    Raises
    ------
    NoRule: the concern has none for this kind.
    """
    name = f"{package}.{name or layer.kind}"
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise NoRule(f"layer {layer.name!r} is of kind {layer.kind}, for which there is no {concern}") from None

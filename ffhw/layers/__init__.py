"""The kinds of layer: one file each, registered here, and what they share.

A concern outside this folder, such as ONNX or hardware, has one file a kind as well, under the kind's name;
:func:`rule` finds it.
"""

from __future__ import annotations

import importlib
from types import ModuleType

from ffhw.errors import InputError
from ffhw.layers import (
    activations,
    convolution,
    ctrnn,
    dense,
    embedding,
    gru,
    jk,
    lstm,
    passing,
    pooling,
    scaling,
    simple_rnn,
    sr,
    toggle,
)
from ffhw.layers.base import FloatLayer, Layer
from ffhw.layers.convolution import ConvolutionLayer, FloatConvolution
from ffhw.layers.ctrnn import CTRNNLayer, FloatCTRNN
from ffhw.layers.dense import DenseLayer, FloatDense
from ffhw.layers.embedding import EmbeddingLayer, FloatEmbedding
from ffhw.layers.gru import FloatGRU, GRULayer
from ffhw.layers.jk import FloatJK, JKLayer
from ffhw.layers.lstm import FloatLSTM, LSTMLayer
from ffhw.layers.pooling import FloatPooling, PoolingLayer
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
    "lstm": (FloatLSTM, LSTMLayer),
    "dense": (FloatDense, DenseLayer),
    "embedding": (FloatEmbedding, EmbeddingLayer),
    "convolution": (FloatConvolution, ConvolutionLayer),
    "pooling": (FloatPooling, PoolingLayer),
}
# The Keras classes that become a layer, change one, or pass.
READ = {
    known.name: known
    for module in (
        *(jk, sr, toggle, simple_rnn, ctrnn, gru, lstm),
        *(dense, embedding, convolution, pooling, activations, scaling, passing),
    )
    for known in module.KERAS
}


def rule(package: str, concern: str, layer: Layer) -> ModuleType:
    """The module of a concern that knows how to treat a layer's kind.

    Parameters
    ----------
    package: folder of the concern's rules. concern: what it is called, for the message.

    Raises
    ------
    InputError: the concern has no rule for this kind.
    """
    name = f"{package}.{layer.kind}"
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise InputError(f"layer {layer.name!r} is of kind {layer.kind}, for which there is no {concern}") from None

"""The float network: what was trained, as plain arrays, and its forward pass in NumPy.

It is the yardstick that the quantized network is measured against and the source of calibration statistics, and it
needs no deep-learning framework.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ffhw.errors import InputError

Floats = NDArray[np.float64]


def sigmoid(v: Floats) -> Floats:
    """Logistic function, without overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * v))


@dataclasses.dataclass(frozen=True)
class FloatJK:
    """JK layer: weights_x ``[2, N, D]``, weights_h ``[2, N, N]``, bias ``[2, N]`` (both biases added); J, then K."""

    name: str
    weights_x: Floats
    weights_h: Floats
    bias: Floats
    return_sequences: bool


@dataclasses.dataclass(frozen=True)
class FloatDense:
    """Dense layer: weights ``[N, D]``, bias ``[N]``; activation linear, relu, sigmoid or softmax."""

    name: str
    weights: Floats
    bias: Floats
    activation: str


@dataclasses.dataclass(frozen=True)
class FloatEmbedding:
    """Embedding layer: table ``[V, D]``."""

    name: str
    table: Floats


FloatLayer = FloatJK | FloatDense | FloatEmbedding


@dataclasses.dataclass(frozen=True)
class FloatNetwork:
    """A chain of trained layers."""

    name: str
    layers: tuple[FloatLayer, ...]
    mask_value: float | None = None  # of a Masking layer at the input: steps of this value only are padding

    @property
    def input_size(self) -> int:
        """Input elements a step: D of the first layer, 1 where it is an embedding."""
        first = self.layers[0]
        if isinstance(first, FloatJK):
            return first.weights_x.shape[2]
        return first.weights.shape[1] if isinstance(first, FloatDense) else 1

    @property
    def takes_tokens(self) -> bool:
        """Whether the inputs are token numbers."""
        return isinstance(self.layers[0], FloatEmbedding)

    @property
    def return_sequences(self) -> bool:
        """Whether every step gives an output, or the last step of a sequence only."""
        return all(layer.return_sequences for layer in self.layers if isinstance(layer, FloatJK))


def forward(network: FloatNetwork, x: ArrayLike, lengths: ArrayLike | None = None) -> list[Floats]:
    """Run sequences through the network and keep what every layer gives.

    Parameters
    ----------
    x: ``[batch, time, D]``; lengths: steps of each sequence, all if None.

    Returns
    -------
    One array a layer, ``[batch, time or 1, N]``; the last one is the network's output, logits where it ends in a
    softmax. Steps past a sequence's end repeat its last state.

    Raises
    ------
    InputError: the shape does not fit the network, or a token is outside the table.
    """
    v = np.asarray(x, dtype=np.float64)
    if v.ndim != 3 or v.shape[2] != network.input_size or 0 in v.shape:
        raise InputError(
            f"data must have shape [batch, time, {network.input_size}], each at least 1, not {list(v.shape)}"
        )
    if not np.isfinite(v).all():
        raise InputError(f"data must be finite, found {int((~np.isfinite(v)).sum())} values that are not")
    length = np.full(len(v), v.shape[1]) if lengths is None else np.asarray(lengths)
    given = []
    for layer in network.layers:
        if isinstance(layer, FloatEmbedding):
            tokens = v[..., 0].astype(np.int64)
            if (tokens != v[..., 0]).any() or tokens.min() < 0 or tokens.max() >= len(layer.table):
                raise InputError(f"tokens must be whole numbers from 0 to {len(layer.table) - 1}")
            v = layer.table[tokens]
        elif isinstance(layer, FloatJK):
            v = _forward_jk(layer, v, length)
            if not layer.return_sequences:
                v, length = v[:, -1:], np.ones_like(length)
        else:
            v = _activate(v @ layer.weights.T + layer.bias, layer.activation)
        given.append(v)
    return given


def predict(network: FloatNetwork, x: ArrayLike, lengths: ArrayLike | None = None) -> Floats:
    """Outputs of the float network: ``[batch, time, N]``, or ``[batch, N]`` where it answers once a sequence."""
    last = network.layers[-1]
    v = forward(network, x, lengths)[-1]
    if isinstance(last, FloatDense) and last.activation == "softmax":
        v = softmax(v)
    return v if network.return_sequences else v[:, 0]


def softmax(v: Floats) -> Floats:
    """Softmax over the last axis, without overflow."""
    e = np.exp(v - v.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def _forward_jk(layer: FloatJK, x: Floats, length: NDArray[np.int64]) -> Floats:
    batch, steps, _ = x.shape
    units = layer.weights_x.shape[1]
    driven = x @ layer.weights_x.reshape(2 * units, -1).T + layer.bias.reshape(-1)
    recurrent = layer.weights_h.reshape(2 * units, -1).T
    h = np.zeros((batch, units))
    out = np.empty((batch, steps, units))
    for t in range(steps):
        gates = sigmoid(driven[:, t] + h @ recurrent)
        j, k = gates[:, :units], gates[:, units:]
        h = np.where((t < length)[:, None], j * (1 - h) + (1 - k) * h, h)
        out[:, t] = h
    return out


def _activate(v: Floats, activation: str) -> Floats:
    if activation == "relu":
        return np.maximum(v, 0.0)
    return sigmoid(v) if activation == "sigmoid" else v

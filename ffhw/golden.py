"""The golden model: what every other implementation must reproduce, code for code.

Integers in, integers out. Matrix products go through floating-point BLAS, which is exact here because every partial sum
is an integer below 2^53 (2^24 for single precision): the bound is computed from the weights and asserted.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ffhw import sigmoid
from ffhw.errors import InputError
from ffhw.fixedpoint import Fixed, Unorm
from ffhw.floatnet import softmax
from ffhw.layers import DenseLayer, Ints, JKLayer
from ffhw.network import Network


def state_update(j: Ints, k: Ints, h: Ints, bits: int) -> Ints:
    """Next state of flip-flop neurons: ``round((J (M - H) + (M - K) H) / M)`` (eq. 3), without a division.

    Parameters
    ----------
    j, k, h: codes of ``Unorm(bits)``, shapes that broadcast.

    Returns
    -------
    Codes of ``Unorm(bits)``. J = K = 0 returns ``h`` itself.
    """
    top = (1 << bits) - 1
    # t = J * ~H + ~K * H, at most M^2
    t = j * (top - h) + (top - k) * h
    # round(t / M) = (u + floor(u / 2^b)) / 2^b with u = t + 2^(b-1): exact for 0 <= t <= M^2
    u = t + (1 << (bits - 1))
    return (u + (u >> bits)) >> bits


def gate(acc: Ints, shift: int, bits: int) -> Ints:
    """Gate code of an accumulator: ``table[saturate(acc >> shift)]``, the shift rounding towards minus infinity."""
    half = 1 << (sigmoid.index_bits(bits) - 1)
    index = np.clip(acc >> shift, -half, half - 1)
    return sigmoid.full_table(bits)[index + half]


def linear(acc: Ints, shift: int, output: Fixed, relu: bool = False) -> Ints:
    """Output code of an accumulator: rounded half up, cut at zero if ``relu``, saturated."""
    code = (acc + ((1 << shift) >> 1)) >> shift
    return np.clip(code, 0 if relu else output.min, output.max)


@dataclasses.dataclass(frozen=True)
class Trace:
    """Codes inside one JK layer, each ``[batch, time, N]``."""

    j: Ints
    k: Ints
    h: Ints


@dataclasses.dataclass(frozen=True)
class Result:
    """What a run gives.

    outputs: ``[batch, time, outputs]``, or ``[batch, outputs]`` where the network answers once a sequence.
    states: final state of each JK layer, ``[batch, N]``, by layer name.
    traces: gates and states of each JK layer by layer name; empty unless asked for. Steps past a sequence's end
        repeat the last state; their outputs are zero.
    """

    outputs: Ints
    states: dict[str, Ints]
    traces: dict[str, Trace]


def pad(sequences: Sequence[ArrayLike]) -> tuple[Ints, Ints]:
    """Stack sequences ``[T_i, D]`` of different lengths.

    Returns
    -------
    codes: ``[batch, max T, D]``, zero past each end; lengths: ``[batch]``.
    """
    arrays = [np.asarray(s) for s in sequences]
    lengths = np.array([len(a) for a in arrays], dtype=np.int64)
    out = np.zeros((len(arrays), int(lengths.max(initial=0)), *arrays[0].shape[1:]), dtype=arrays[0].dtype)
    for row, array in zip(out, arrays, strict=True):
        row[: len(array)] = array
    return out, lengths


def run(
    network: Network,
    codes: ArrayLike,
    lengths: ArrayLike | None = None,
    *,
    trace: bool = False,
    states: dict[str, Ints] | None = None,
) -> Result:
    """Run sequences of input codes through the network.

    Parameters
    ----------
    codes: integers ``[batch, time, D]`` of format ``network.input``.
    lengths: ``[batch]``, steps of each sequence, each from 1 to ``time``; all of them if None.
    trace: also return the gates and states of every step.
    states: initial codes ``[batch, N]`` by layer name; zero where absent.

    Raises
    ------
    InputError: wrong shape, type, range or lengths.
    """
    x = check_input(network, codes)
    batch, steps, _ = x.shape
    length = check_lengths(lengths, batch, steps)
    states = dict(states or {})
    final: dict[str, Ints] = {}
    traces: dict[str, Trace] = {}
    for layer in network.layers:
        if isinstance(layer, JKLayer):
            start = states.pop(layer.name, np.zeros((batch, layer.units), np.int64))
            layer_trace = _run_jk(layer, x, length, layer.state.check(start, f"state of {layer.name!r}"), trace)
            final[layer.name] = layer_trace.h[:, -1]
            if trace:
                traces[layer.name] = layer_trace
            if layer.return_sequences:
                x = layer_trace.h
            else:
                # the state is frozen past a sequence's end, so the last column holds every last step
                x = layer_trace.h[:, -1:]
                length = np.ones_like(length)
        elif isinstance(layer, DenseLayer):
            x = _run_dense(layer, x)
        else:
            x = layer.table[x[..., 0]]
    if states:
        raise InputError(f"no JK layer is named {', '.join(map(repr, states))}")
    if not network.return_sequences:
        return Result(x[:, 0], final, traces)
    x = np.where(np.arange(x.shape[1])[None, :, None] < length[:, None, None], x, 0)
    return Result(x, final, traces)


def check_input(network: Network, codes: ArrayLike) -> Ints:
    """``codes`` as int64 once their shape and range are known to be right."""
    x = np.asarray(codes)
    if x.ndim != 3 or x.shape[2] != network.input_size or 0 in x.shape:
        raise InputError(
            f"input must have shape [batch, time, {network.input_size}], each at least 1, not {list(x.shape)}"
        )
    try:
        return network.input.check(x, "input codes")
    except (TypeError, ValueError) as error:
        raise InputError(str(error)) from None


def check_lengths(lengths: ArrayLike | None, batch: int, steps: int) -> Ints:
    """``lengths`` as int64 ``[batch]``, each from 1 to ``steps``."""
    if lengths is None:
        return np.full(batch, steps, np.int64)
    length = np.asarray(lengths)
    if length.shape != (batch,) or length.dtype.kind not in "iu" or length.min() < 1 or length.max() > steps:
        raise InputError(f"lengths must be {batch} integers from 1 to {steps}")
    return length.astype(np.int64)


def decode(network: Network, outputs: Ints) -> NDArray[np.float64]:
    """Real values of output codes, with the softmax the float model ends in; class numbers stay numbers."""
    values = network.output.dequantize(outputs)
    last = network.layers[-1]
    if isinstance(last, DenseLayer) and last.softmax:
        return softmax(values)
    return values


def classes(network: Network, outputs: Ints) -> Ints:
    """Class number of each answer: the largest output, the first of equals."""
    last = network.layers[-1]
    if isinstance(last, DenseLayer) and last.activation == "argmax":
        return outputs[..., 0]
    return outputs.argmax(axis=-1)


def _blas_type(layer: JKLayer | DenseLayer) -> Any:
    """Floating-point type in which every partial sum of the layer is an exact integer."""
    bound = layer.acc_bound
    if bound < 1 << 24:
        return np.float32
    assert bound < 1 << 53, f"layer {layer.name!r}: accumulators reach {bound}"
    return np.float64


def _run_dense(layer: DenseLayer, x: Ints) -> Ints:
    blas = _blas_type(layer)
    product = x.astype(blas) @ layer.weights.T.astype(blas)
    acc = (product.astype(np.int64) << layer.shift_x) + layer.bias
    if layer.activation == "argmax":
        return acc.argmax(axis=-1)[..., None]
    if isinstance(layer.output, Unorm):
        return gate(acc, layer.result_shift, layer.output.bits)
    assert isinstance(layer.output, Fixed)
    return linear(acc, layer.result_shift, layer.output, relu=layer.activation == "relu")


def _run_jk(layer: JKLayer, x: Ints, length: Ints, h: Ints, trace: bool) -> Trace:
    batch, steps, _ = x.shape
    units, bits = layer.units, layer.state.bits
    blas = _blas_type(layer)
    # acc = (Wx x << shift_x) + (Wh h << shift_h) + bias; the shifts are folded into the float weights, exactly
    wx = (layer.weights_x.reshape(2 * units, -1).T * 2.0**layer.shift_x).astype(blas)
    wh = (layer.weights_h.reshape(2 * units, -1).T * 2.0**layer.shift_h).astype(blas)
    driven = x.astype(blas) @ wx + layer.bias.reshape(-1).astype(blas)
    ragged = bool((length < steps).any())
    hs = np.empty((batch, steps, units), np.int64)
    js, ks = (np.empty_like(hs), np.empty_like(hs)) if trace else (hs[:, :0], hs[:, :0])
    for t in range(steps):
        acc = (driven[:, t] + h.astype(blas) @ wh).astype(np.int64)
        jk = gate(acc, layer.gate_shift, bits)
        new = state_update(jk[:, :units], jk[:, units:], h, bits)
        h = np.where((t < length)[:, None], new, h) if ragged else new
        hs[:, t] = h
        if trace:
            js[:, t], ks[:, t] = jk[:, :units], jk[:, units:]
    return Trace(js, ks, hs)

"""The golden model: what every other implementation must reproduce, code for code.

Integers in, integers out. Matrix products go through floating-point BLAS, which is exact here because every partial sum
is an integer below 2^53 (2^24 for single precision): the bound is computed from the weights and asserted.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ffhw.errors import InputError
from ffhw.layers.base import Ints, Trace
from ffhw.model.network import Network


@dataclasses.dataclass(frozen=True)
class Result:
    """What a run gives.

    outputs: ``[batch, time, outputs]``, or ``[batch, outputs]`` where the network answers once a sequence.
    states: final state of each layer that has one, ``[batch, N]``, by layer name.
    traces: signals of each such layer by layer name; empty unless asked for. Steps past a sequence's end repeat the
        last state; their outputs are zero.
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
        start = states.pop(layer.name, None) if layer.state_size else None
        start = np.zeros((batch, layer.state_size), np.int64) if start is None else layer.check_state(start)
        given = layer.run(x, length, start, trace)
        x = given.outputs
        if given.state is not None:
            final[layer.name] = given.state
        if given.trace is not None:
            traces[layer.name] = given.trace
        if not layer.return_sequences:
            # the state is frozen past a sequence's end, so the last column holds every last step
            x = x[:, -1:]
            length = np.ones_like(length)
    if states:
        raise InputError(f"no layer with a state is named {', '.join(map(repr, states))}")
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

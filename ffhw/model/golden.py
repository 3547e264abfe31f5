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

    outputs: ``[batch, answers, outputs]``, mostly an answer a step, or ``[batch, outputs]`` where the network answers
        once a sequence.
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
    lengths: ``[batch]``, steps of each sequence, each as many as the network can take; ``time`` if None.
    trace: also return the gates and states of every step.
    states: initial codes ``[batch, N]`` by layer name; zero where absent.

    Raises
    ------
    InputError: wrong shape, type, range or lengths.
    """
    x = check_input(network, codes)
    batch, steps, _ = x.shape
    length = check_lengths(network, lengths, batch, steps)
    states = dict(states or {})
    final: dict[str, Ints] = {}
    traces: dict[str, Trace] = {}
    for layer in network.layers:
        start = states.pop(layer.name, None) if layer.state_size else None
        start = np.zeros((batch, layer.state_size), np.int64) if start is None else layer.check_state(start)
        given = layer.run(x, length, start, trace)
        x, length = given.outputs, layer.rhythm.steps(length)
        if given.state is not None:
            final[layer.name] = given.state
        if given.trace is not None:
            traces[layer.name] = given.trace
        if layer.rhythm.once:
            # a state is frozen past a sequence's end, so that the last column holds every last step
            x = x[:, -1:]
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


def check_lengths(network: Network, lengths: ArrayLike | None, batch: int, steps: int) -> Ints:
    """``lengths`` as int64 ``[batch]``, each one that the network can take, and at most ``steps``."""
    length = np.full(batch, steps) if lengths is None else np.asarray(lengths)
    least, most = network.rhythm.least, network.max_steps
    if length.shape != (batch,) or length.dtype.kind not in "iu" or length.min() < 1 or length.max() > steps:
        raise InputError(f"lengths must be {batch} integers from 1 to {steps}")
    if length.min() < least:
        raise InputError(f"sequences must have at least {least} steps to be answered, not {length.min()}")
    if most is not None and length.max() > most:
        raise InputError(f"sequences must have at most {most} steps (--max-steps), not {length.max()}")
    return length.astype(np.int64)


def as_taken(network: Network, sequence: Ints) -> Ints:
    """The sequence that hardware answers where it is sent ``[T, D]``: one that the network can take.

    What is too long is cut, what is too short goes on with codes of zero; hardware marks both.
    """
    missing = network.rhythm.least - len(sequence)
    return np.pad(sequence[: network.max_steps], [(0, max(0, missing)), (0, 0)])

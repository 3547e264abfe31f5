"""What the arrays ``x``, ``lengths`` and ``y`` of a data set mean for a network: one place for export, run and report.

``x``        real numbers ``[batch, time, D]``; one sequence ``[time, D]``. Of maps: ``[batch, time, rows, columns,
             channels]``, or these as a vector. For a network that begins with an embedding: token numbers
             ``[batch, time]`` as Keras takes them, ``[batch, time, 1]``, or one sequence ``[time]``.
``lengths``  steps of each sequence, ``[batch]``. Where they are missing, steps at a sequence's end that hold nothing
             but the model's mask value are padding, as a Keras ``Masking`` layer has it.
``y``        see :mod:`ffhw.model.scores`.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ffhw.errors import InputError
from ffhw.layers.base import Head
from ffhw.layers.rhythm import Rhythm


@dataclasses.dataclass(frozen=True)
class Signature:
    """What a network takes and answers.

    inputs: elements a step. outputs: answers a step, or classes.
    given_maps, maps: rows and columns of inputs and answers that are maps; None of vectors.
    tokens: how many there are, 0 where inputs are numbers.
    every_step: whether each step is answered, or the last one of a sequence only.
    mask_value: value of the steps that are padding, None if there are none.
    max_steps: of a sequence, None if it may have any number.
    """

    inputs: int
    outputs: int
    head: Head
    rhythm: Rhythm
    tokens: int = 0
    mask_value: float | None = None
    max_steps: int | None = None
    given_maps: tuple[int, int] | None = None
    maps: tuple[int, int] | None = None

    @property
    def every_step(self) -> bool:
        """Whether answers are those of steps, or one of each sequence."""
        return not self.rhythm.once


@dataclasses.dataclass(frozen=True)
class Data:
    """Sequences ``x [batch, time, D]``, ``lengths [batch]``, and what is known of their answers, ``y``.

    Past a sequence's end, ``x`` is zero.
    """

    x: NDArray[np.float64]
    lengths: NDArray[np.int64]
    y: NDArray[Any] | None = None

    @property
    def real(self) -> NDArray[np.bool_]:
        """Which steps belong to their sequences, ``[batch, time]``."""
        return np.arange(self.x.shape[1]) < self.lengths[:, None]

    def answered(self, signature: Signature) -> NDArray[np.bool_]:
        """Which answers of a network belong to their sequences, ``[batch, answers]``; all of one answer a sequence."""
        lengths = signature.rhythm.steps(self.lengths)
        return np.arange(signature.rhythm.steps(self.x.shape[1])) < lengths[:, None]

    def head(self, count: int) -> Data:
        """The first sequences."""
        return Data(self.x[:count], self.lengths[:count], None if self.y is None else self.y[:count])


def fit_data(x: Any, lengths: Any, y: Any, signature: Signature, where: str) -> Data:
    """Arrays as a data set for a network, once shapes and numbers are known to be sound.

    Parameters
    ----------
    lengths, y: None where there are none. where: what to call the arrays in messages.

    Raises
    ------
    InputError: another shape, numbers that are not finite, tokens or lengths out of range, padding in mid-sequence.
    """
    x = as_vectors(np.asarray(x), signature.given_maps, signature.inputs)
    if x.dtype.kind not in "biuf":
        raise InputError(f"{where}: x must hold numbers, not {x.dtype}")
    x = _sequences(x, signature, where).astype(np.float64)
    padding = None
    if signature.mask_value is not None:
        # as Keras compares: in single precision
        with np.errstate(over="ignore"):
            padding = (x.astype(np.float32) == np.float32(signature.mask_value)).all(axis=-1)
    length = _lengths(lengths, x, padding, where)
    _check_lengths(length, signature, where)
    real = np.arange(x.shape[1]) < length[:, None]
    if not np.isfinite(x[real]).all():
        raise InputError(f"{where}: {int((~np.isfinite(x[real])).sum())} values of x are not finite numbers")
    if padding is not None and (padding & real).any():
        row, step = np.argwhere(padding & real)[0]
        raise InputError(
            f"{where}: step {step} of sequence {row} holds the mask value {signature.mask_value:g} only, but is not "
            "past its end: Keras leaves such steps out, hardware does not; take them out of x"
        )
    x = np.where(real[..., None], x, 0.0)
    if signature.tokens and (x.min() < 0 or x.max() >= signature.tokens or (x != np.floor(x)).any()):
        raise InputError(
            f"{where}: tokens must be whole numbers from 0 to {signature.tokens - 1}, found {x.min():g} to {x.max():g}"
        )
    if y is not None:
        y = as_vectors(np.asarray(y), signature.maps, signature.outputs)
        if y.ndim == 0 or len(y) != len(x):
            raise InputError(f"{where}: y has {len(y) if y.ndim else 'no'} entries for {len(x)} sequences")
    return Data(x, length, y)


def as_vectors(array: NDArray[Any], maps: tuple[int, int] | None, size: int) -> NDArray[Any]:
    """``[..., rows, columns, channels]`` as ``[..., size]``; anything else as it is."""
    if maps is None or array.ndim < 4 or array.shape[-3:] != (*maps, size // (maps[0] * maps[1])):
        return array
    return array.reshape(*array.shape[:-3], size)


def _form(signature: Signature) -> str:
    """How inputs must look."""
    if signature.tokens:
        return "[batch, time], as Keras takes tokens"
    if signature.given_maps is None:
        return f"[batch, time, {signature.inputs}]"
    rows, columns = signature.given_maps
    return f"[batch, time, {rows}, {columns}, {signature.inputs // (rows * columns)}]"


def _sequences(x: Any, signature: Signature, where: str) -> Any:
    """``x`` as ``[batch, time, D]``."""
    shape = list(x.shape)
    if signature.tokens:
        if x.ndim == 1:
            x = x[None]
        if x.ndim == 2:
            x = x[..., None]
    elif x.ndim == 2:
        x = x[None]
    if x.ndim != 3 or 0 in x.shape:
        raise InputError(f"{where}: x must have shape {_form(signature)}, each at least 1, not {shape}")
    if x.shape[2] != signature.inputs:
        raise InputError(f"{where}: x has {x.shape[2]} values a step, the model takes {signature.inputs}")
    return x


def _lengths(lengths: Any, x: Any, padding: Any, where: str) -> NDArray[np.int64]:
    """Steps of each sequence, as given or up to its padding."""
    batch, steps, _ = x.shape
    if lengths is None:
        if padding is None:
            return np.full(batch, steps, np.int64)
        if padding.all(axis=1).any():
            row = int(padding.all(axis=1).argmax())
            raise InputError(f"{where}: sequence {row} is padding only, and hardware has no empty sequences: drop it")
        return (steps - (~padding)[:, ::-1].argmax(axis=1)).astype(np.int64)
    lengths = np.asarray(lengths)
    if lengths.shape != (batch,) or lengths.dtype.kind not in "iu":
        raise InputError(f"{where}: lengths must be {batch} integers, one a sequence, not {_described(lengths)}")
    if lengths.min() < 1 or lengths.max() > steps:
        raise InputError(f"{where}: lengths must be from 1 to {steps}, found {lengths.min()} to {lengths.max()}")
    return lengths.astype(np.int64)


def _check_lengths(length: NDArray[np.int64], signature: Signature, where: str) -> None:
    """Refuse sequences that the network has no answer to."""
    least, most = signature.rhythm.least, signature.max_steps
    if length.min() < least:
        row = int(length.argmin())
        raise InputError(f"{where}: sequence {row} has {length[row]} steps, the model answers from {least} steps on")
    if most is not None and length.max() > most:
        row = int(length.argmax())
        raise InputError(
            f"{where}: sequence {row} has {length[row]} steps, the network takes at most {most}: cut it, or export the "
            f"model with --max-steps {length[row]}"
        )


def _described(array: Any) -> str:
    return f"{array.dtype} of shape {list(array.shape)}"

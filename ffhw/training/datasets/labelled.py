"""Labelled sequences of different lengths, and what makes them fit for a network."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True)
class Sequences:
    """Labelled sequences of different lengths.

    x: ``[batch, max T, channels]`` float32, zero past each end. lengths: ``[batch]``. y: class numbers ``[batch]``.
    """

    x: NDArray[np.float32]
    lengths: NDArray[np.int64]
    y: NDArray[np.int64]


def standardised(train: Sequences, test: Sequences) -> tuple[Sequences, Sequences]:
    """Both splits with each channel at mean 0 and standard deviation 1 over the training split's steps.

    One format then serves all channels alike: as recorded, they may differ tenfold in size. Padding stays zero.
    """
    steps = np.concatenate([row[:length] for row, length in zip(train.x, train.lengths, strict=True)])
    mean, deviation = steps.mean(axis=0), steps.std(axis=0)
    scaled = []
    for split in (train, test):
        real = np.arange(split.x.shape[1]) < split.lengths[:, None]
        x = np.where(real[..., None], (split.x - mean) / deviation, 0).astype(np.float32)
        scaled.append(Sequences(x, split.lengths, split.y))
    return scaled[0], scaled[1]


def with_crops(
    data: Sequences, copies: int, shortest: float, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The sequences and ``copies`` random sections of each, at least the share ``shortest`` of it long.

    For classes that every part of a sequence shows: this is data, not noise. Lengths are left to a mask of zeros.
    """
    rng = np.random.default_rng(seed)
    parts = [data.x]
    for _ in range(copies):
        part = np.zeros_like(data.x)
        for row, source, length in zip(part, data.x, data.lengths, strict=True):
            size = rng.integers(int(shortest * length), length, endpoint=True)
            begin = rng.integers(0, length - size, endpoint=True)
            row[:size] = source[begin : begin + size]
        parts.append(part)
    return np.concatenate(parts), np.tile(data.y, copies + 1)

"""JapaneseVowels: which of nine speakers says it. Real speech, the flagship example."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ffhw.training.datasets.aeon import Sequences, japanese_vowels
from ffhw.training.tasks.base import TaskData
from ffhw.training.tasks.sequence import SequenceTask


def _load(seed: int) -> TaskData:
    train, test = standardised(*japanese_vowels())
    x, y = with_crops(train, copies=3, shortest=0.7, seed=seed)
    return TaskData(x, y, test.x, test.y, test.lengths)


def standardised(train: Sequences, test: Sequences) -> tuple[Sequences, Sequences]:
    """Both splits with each channel at mean 0 and standard deviation 1 over the training split's steps.

    One format then serves all channels alike: as recorded, they differ tenfold in size. Padding stays zero.
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

    A speaker is the same in every part of a vowel: this is data, not noise. Lengths are left to a mask of zeros.
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


TASK = SequenceTask(
    name="japanese-vowels",
    title="JapaneseVowels: nine speakers, 12 cepstrum coefficients (Kudo et al. 1999)",
    load=_load,
    outputs=9,
    softmax=True,
    units=32,
    epochs=30,
    batch_size=16,
    learning_rate=5e-3,
    longest_hold=16.0,
    input_noise=0.4,
)

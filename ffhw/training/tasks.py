"""The trained examples: for each task its data and how it is trained."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ffhw.errors import InputError
from ffhw.training.datasets import Sequences, japanese_vowels
from ffhw.training.decisions import ContextDecision, DelayedMatch, ParametricMemory, PerceptualDecision, Trial
from ffhw.training.flipflop import FlipFlopTask


@dataclasses.dataclass(frozen=True)
class TaskData:
    """Training inputs and targets, and a test split with its lengths."""

    x: NDArray[np.float32]
    y: NDArray[Any]
    x_test: NDArray[np.float32]
    y_test: NDArray[Any]
    lengths_test: NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Task:
    """A named example.

    Parameters
    ----------
    load: data for a seed, read or generated.
    outputs: width of the last layer; softmax: whether it classifies sequences (else it answers every step).
    units, epochs, batch_size, learning_rate: what a plain `ffhw train` uses; the rate falls to zero along a cosine.
    weight_limit: largest JK weight, None for any; see :class:`ffhw.training.jk.WeightLimit`.
    longest_hold: longest time for which a fresh gated unit holds its state, in steps.
    generator: what generates the data, None where they are real.
    """

    name: str
    title: str
    load: Callable[[int], TaskData]
    outputs: int
    softmax: bool
    units: int
    epochs: int
    batch_size: int
    learning_rate: float
    longest_hold: float
    input_noise: float = 0.0
    weight_limit: float | None = None
    generator: FlipFlopTask | Trial | None = None

    @property
    def dt_ms(self) -> float:
        """Length of a step in milliseconds; 1 where the task does not say."""
        return 1.0 if self.generator is None else self.generator.dt_ms


def _memory(task: FlipFlopTask) -> Callable[[int], TaskData]:
    """Loader of a flip-flop memory; the test split asks for nothing while a pulse takes effect."""

    def load(seed: int) -> TaskData:
        x, y = task.generate(15_000, seed)
        x_test, y_test = task.generate(512, seed + 1_000_003, between=False)
        return TaskData(x, y, x_test, y_test, np.full(len(x_test), x_test.shape[1]))

    return load


def _decision(trial: Trial) -> Callable[[int], TaskData]:
    """Loader of a task of :mod:`ffhw.training.decisions`."""

    def load(seed: int) -> TaskData:
        x, y = trial.generate(6_000, seed)
        x_test, y_test = trial.generate(1_000, seed + 1_000_003)
        return TaskData(x, y, x_test, y_test, np.full(len(x_test), x_test.shape[1]))

    return load


def _japanese_vowels(seed: int) -> TaskData:
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


def _flipflop(channels: int) -> Task:
    generator = FlipFlopTask(channels=channels)
    return Task(
        name=f"flipflop{channels}",
        title=f"{channels}-bit flip-flop memory (Sussillo & Barak 2013)",
        load=_memory(generator),
        outputs=channels,
        softmax=False,
        units=32,
        epochs=40,
        batch_size=128,
        learning_rate=2e-2,
        longest_hold=60.0,
        weight_limit=2.0 - 2.0**-6,
        generator=generator,
    )


TASKS = {
    task.name: task
    for task in (
        _flipflop(3),
        Task(
            name="japanese-vowels",
            title="JapaneseVowels: nine speakers, 12 cepstrum coefficients (Kudo et al. 1999)",
            load=_japanese_vowels,
            outputs=9,
            softmax=True,
            units=32,
            epochs=30,
            batch_size=16,
            learning_rate=5e-3,
            longest_hold=16.0,
            input_noise=0.4,
        ),
        *(
            Task(
                name=name,
                title=title,
                load=_decision(trial),
                outputs=1,
                softmax=False,
                units=32,
                epochs=25,
                batch_size=64,
                learning_rate=rate,
                longest_hold=hold,
                weight_limit=2.0 - 2.0**-6,
                generator=trial,
            )
            # the last two must remember through a delay: their units start with longer holds
            for name, title, trial, rate, hold in (
                ("perceptual-decision", "perceptual decision (Britten et al. 1992)", PerceptualDecision(), 1e-2, 30.0),
                ("context-decision", "context-dependent decision (Mante et al. 2013)", ContextDecision(), 1e-2, 30.0),
                ("delayed-match", "delayed match to sample (Freedman & Assad 2006)", DelayedMatch(), 2e-2, 150.0),
                ("parametric-memory", "parametric working memory (Romo et al. 1999)", ParametricMemory(), 2e-2, 150.0),
            )
        ),
    )
}


def task(name: str) -> Task:
    """Task of a name; ``flipflop1`` to ``flipflop8`` are memories of as many bits.

    Raises
    ------
    InputError: there is none; lists those that are.
    """
    if re.fullmatch("flipflop[1-8]", name):
        return _flipflop(int(name[-1]))
    if name not in TASKS:
        raise InputError(f"TASK must be one of {', '.join(TASKS)} (or flipflop1 to flipflop8), not {name!r}")
    return TASKS[name]

"""Sets of labelled sequences in the ``.ts`` format, from the aeon package."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ffhw.errors import InputError
from ffhw.training.datasets.archives import Archive, fetch
from ffhw.training.datasets.labelled import Sequences

AEON = Archive("aeon==1.6.0", "d05227086706f80111ac5fee8de4d5d3115bb3bcfd1c786c8629393055816409", "aeon/datasets/data")


def japanese_vowels() -> tuple[Sequences, Sequences]:
    """JapaneseVowels: nine speakers, two vowels, 12 cepstrum coefficients, 7 to 29 steps; 270 training, 370 test.

    Source: M. Kudo, J. Toyama, M. Shimbo, "Multidimensional Curve Classification Using Passing-Through Regions",
    Pattern Recognition Letters 20 (1999).

    Raises
    ------
    ToolError: the data are neither in the cache nor to be had.
    """
    return _splits("JapaneseVowels")


def basic_motions() -> tuple[Sequences, Sequences]:
    """BasicMotions: four motions, accelerometer and gyroscope at a wrist, 100 steps; 40 training, 40 test.

    Source: the UEA multivariate time series archive (A. Bagnall et al., 2018).

    Raises
    ------
    ToolError: the data are neither in the cache nor to be had.
    """
    return _splits("BasicMotions")


def _splits(name: str) -> tuple[Sequences, Sequences]:
    """Training and test split of a set."""
    train, test = (fetch(AEON, f"{name}/{name}_{split}.ts") for split in ("TRAIN", "TEST"))
    return read_ts(train), read_ts(test)


def read_ts(path: Path) -> Sequences:
    """Read a ``.ts`` file: a header of ``@`` lines, then one case a line, its channels and label divided by colons.

    Raises
    ------
    InputError: the file is not in this format.
    """
    cases: list[NDArray[np.float32]] = []
    labels: list[str] = []
    classes: list[str] = []
    in_data = False
    for number, raw in enumerate(path.read_text().splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if line.lower().startswith("@classlabel"):
            classes = line.split()[2:]
        elif line.lower() == "@data":
            in_data = True
        elif in_data:
            *channels, label = line.split(":")
            try:
                cases.append(np.array([[float(v) for v in c.split(",")] for c in channels], np.float32).T)
            except ValueError as error:
                raise InputError(f"{path.name}, line {number}: {error}") from None
            labels.append(label)
    if not cases or not classes or not set(labels) <= set(classes):
        raise InputError(f"{path.name} is not a labelled .ts file")
    lengths = np.array([len(case) for case in cases])
    x = np.zeros((len(cases), lengths.max(), cases[0].shape[1]), np.float32)
    for row, case in zip(x, cases, strict=True):
        row[: len(case)] = case
    return Sequences(x, lengths, np.array([classes.index(label) for label in labels]))

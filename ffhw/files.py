"""Writing files so that a reader finds the old content or the new, never half of it."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from ffhw.errors import InputError, OutputError


def write_atomic(path: Path, data: bytes | str) -> None:
    """Write ``data`` to ``path`` through a temporary file in the same folder and a rename.

    Raises
    ------
    OutputError: the folder does not exist, is not writable, or the disk is full.
    """
    raw = data.encode() if isinstance(data, str) else data
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = file.name
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)  # temporary files are private by default; results are not
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from None


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 digest of a file's content."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_folder(path: Path, marker: str, what: str) -> None:
    """Refuse a folder that cannot be written, or that holds other things.

    Parameters
    ----------
    marker: the file by which a folder of ours is known. what: what such a folder is, for messages.

    Raises
    ------
    OutputError: with the reason.
    """
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise OutputError(f"cannot write {path}: it exists and is not a folder")
    if path.is_dir() and any(path.iterdir()) and not (path / marker).exists():
        raise OutputError(f"cannot write {path}: the folder holds other files and is not {what}; choose another name")
    parent = path.resolve().parent
    if not parent.is_dir():
        raise OutputError(f"cannot write {path}: the folder {parent} does not exist")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise OutputError(f"cannot write {path}: no permission to write in {parent}")


def write_folder(path: Path, files: Mapping[str, bytes | str]) -> None:
    """Write a folder of files, replacing an older one of the same name in one step.

    Parameters
    ----------
    files: content by name; names may have folders.

    Raises
    ------
    OutputError: it cannot be written; what was there before is still there.
    """
    try:
        temporary = Path(tempfile.mkdtemp(dir=path.resolve().parent, prefix=f".{path.name}."))
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}") from None
    try:
        for name, data in files.items():
            file = temporary / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data.encode() if isinstance(data, str) else data)
        temporary.chmod(0o755)
        if path.exists():
            _exchange(temporary, path)
        else:
            os.rename(temporary, path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _exchange(new: Path, old: Path) -> None:
    """Swap two folders' names in one step, so that at no time neither stands at ``old``."""
    at_cwd, exchange = -100, 2
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        done = libc.renameat2(at_cwd, os.fsencode(new), at_cwd, os.fsencode(old), exchange) == 0
    except (OSError, AttributeError):
        done = False
    if not done:
        # systems without the call: two renames, the old folder kept under a readable name in between
        aside = old.with_name(f"{old.name}.old")
        os.rename(old, aside)
        os.rename(new, old)
        shutil.rmtree(aside)


@contextlib.contextmanager
def open_regular(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading; not a folder, a pipe or a device, which may never end.

    Raises
    ------
    InputError: it does not exist, is none, or may not be read.
    """
    try:
        # a pipe without a writer would wait here for ever
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except PermissionError:
        raise InputError(f"{path} cannot be read: permission denied") from None
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise InputError(f"{path} is not a regular file")
        yield file

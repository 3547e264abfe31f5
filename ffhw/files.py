"""Writing files so that a reader finds the old content or the new, never half of it; opening files with care."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from ffhw.errors import InputError, OutputError
from ffhw.processes import own_name, owned, remove, sweep, undivided


def write_atomic(path: Path, data: bytes | str) -> None:
    """Write ``data`` to ``path`` through a temporary file in the same folder and a rename.

    Raises
    ------
    OutputError: the folder does not exist or is not writable, the disk is full, or ``path`` is no regular file.
    """
    write_together({path: data})


def write_together(files: Mapping[Path, bytes | str]) -> None:
    """Write files that belong together: all contents are on disk before the first name changes.

    Raises
    ------
    OutputError: one of them cannot be written; then none is.
    """
    for path in files:
        check_file(path)
    with contextlib.ExitStack() as stack:
        ready = []
        for path, data in files.items():
            sweep(path.parent)
            temporary = stack.enter_context(owned(path.parent / f".{own_name(path.name[:100])}"))
            try:
                with open(temporary, "xb") as file:
                    file.write(data.encode() if isinstance(data, str) else data)
                    file.flush()
                    os.fsync(file.fileno())
                os.chmod(temporary, 0o644)
            except OSError as error:
                raise _cannot(path, error) from None
            ready.append((temporary, path))
        with undivided():
            for temporary, path in ready:
                try:
                    os.replace(temporary, path)
                except OSError as error:
                    raise _cannot(path, error) from None


def check_file(path: Path) -> None:
    """Refuse a target that is there and is no regular file: a folder, a link, a pipe, a device.

    Raises
    ------
    OutputError: with the reason.
    """
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        raise _cannot(path, error) from None
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "a link" if stat.S_ISLNK(mode) else "no regular file"
        raise OutputError(f"cannot write {path}: it is {what}; choose another name")


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 digest of a file's content."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_folder(path: Path, what: str, ours: Iterable[str] | None) -> None:
    """Refuse a folder that cannot be written, or that holds anything that is not ours.

    Parameters
    ----------
    what: what such a folder is, for messages.
    ours: files in it that we wrote, by name; None if nothing there says so.

    Raises
    ------
    OutputError: with the reason; a foreign file by its name.
    """
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        mode = 0
    except (OSError, ValueError) as error:
        raise _cannot(path, error) from None
    if mode and not stat.S_ISDIR(mode):
        raise OutputError(f"cannot write {path}: it exists and is not a folder")
    try:
        parent = path.resolve().parent
        if mode:
            _check_content(path, what, ours)
            if path.resolve() == Path.cwd().resolve():
                raise OutputError(f"cannot write {path}: it is the folder you stand in; give it a name")
    except OSError as error:
        raise _cannot(path, error) from None
    if path.name in ("", "..") or not parent.is_dir():
        raise OutputError(f"cannot write {path}: the folder {parent} does not exist")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise OutputError(f"cannot write {path}: no permission to write in {parent}")


def _check_content(path: Path, what: str, ours: Iterable[str] | None) -> None:
    found = {str(file.relative_to(path)) for file in path.rglob("*") if file.is_symlink() or not file.is_dir()}
    if not found:
        return
    if ours is None:
        raise OutputError(f"cannot write {path}: the folder holds other files and is not {what}; choose another name")
    foreign = sorted(found - set(ours))
    if foreign:
        raise OutputError(
            f"cannot write {path}: {foreign[0]!r} in it is not of {what}'s own; move it away or choose another name"
        )


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
        parent = path.resolve().parent
        sweep(parent)
        with owned(parent / f".{own_name(path.name[:100])}") as temporary:
            temporary.mkdir()
            for name, data in files.items():
                file = temporary / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data.encode() if isinstance(data, str) else data)
            with undivided():
                _put(temporary, path)
    except OSError as error:
        raise _cannot(path, error) from None


def _put(new: Path, target: Path) -> None:
    """Give a folder its name; what had it before has ``new``'s then."""
    for _ in range(10):
        try:
            if not target.exists():
                os.rename(new, target)
            else:
                _exchange(new, target)
            return
        except (FileNotFoundError, FileExistsError, OSError) as error:
            # another run wrote or took away the target in this very moment
            if not isinstance(error, FileNotFoundError) and not target.exists():
                raise
            last = error
    raise last


def _exchange(new: Path, old: Path) -> None:
    """Swap two folders' names in one step, so that at no time neither stands at ``old``."""
    at_cwd, exchange = -100, 2
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.renameat2(at_cwd, os.fsencode(new), at_cwd, os.fsencode(old), exchange) == 0:
            return
        number = ctypes.get_errno()
    except AttributeError:
        number = 0
    if number == 2:
        raise FileNotFoundError(number, os.strerror(number), str(old))
    # systems without the call: two renames, the old folder kept under a name of ours in between
    aside = old.with_name(f".{own_name(old.name[:100])}")
    os.rename(old, aside)
    os.rename(new, old)
    remove(aside)


def _cannot(path: Path, error: Exception) -> OutputError:
    """What stood in the way of writing."""
    shown = str(path) if len(str(path)) <= 200 else f"{str(path)[:197]}..."
    return OutputError(f"cannot write {shown!s}: {getattr(error, 'strerror', None) or error}")


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
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise InputError(f"{path} is not a regular file")
    with os.fdopen(descriptor, "rb") as file:
        yield file


def read_regular(path: Path, most: int) -> bytes:
    """Content of a regular file of at most ``most`` bytes.

    Raises
    ------
    InputError: it is none, or larger.
    """
    with open_regular(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise InputError(f"{path} is larger than {most:,} bytes, more than such a file ever is")
    return content


@contextlib.contextmanager
def open_snapshot(folder: Path) -> Iterator[Callable[[str, int], bytes]]:
    """A function that reads files of a folder by name, at most so many bytes: all from this very folder.

    Another folder that takes its name meanwhile is not looked at; links are not followed.

    Raises
    ------
    InputError: not a folder. The function raises FileNotFoundError, and InputError for what is no regular file.
    """
    try:
        root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise InputError(f"cannot read {folder}: {error.strerror}") from None

    def read(name: str, most: int) -> bytes:
        *inner, last = name.split("/")
        with contextlib.ExitStack() as stack:
            here = root
            try:
                for step in inner:
                    here = os.open(step, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
                    stack.callback(os.close, here)
                flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
                descriptor = os.open(last, flags, dir_fd=here)
            except FileNotFoundError:
                raise FileNotFoundError(errno.ENOENT, "missing", name) from None
            except OSError as error:
                raise InputError(f"cannot read {folder / name}: {error.strerror}") from None
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                os.close(descriptor)
                raise InputError(f"{folder / name} is not a regular file")
            file = stack.enter_context(os.fdopen(descriptor, "rb"))
            content = file.read(most + 1)
        if len(content) > most:
            raise InputError(f"{folder / name} is larger than {most:,} bytes, more than such a file ever is")
        return content

    try:
        yield read
    finally:
        os.close(root)

"""Starting programs, and leaving nothing behind: the one place for both.

Whatever a run of ours starts or creates carries its token: programs in their environment (inherited by what they start
in turn), temporary files and folders in their names. So a run that ends, however it ends, can take all of it along; and
what a killed run could not clear away, the next one knows as dead and sweeps.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ffhw.errors import OutputError, ToolError

TOKEN_VARIABLE = "FFHW_RUN"
_MARK = "ffhw-"
# How long programs may take to end themselves before they are killed.
_PATIENCE_S = 1.0
INTERRUPTED = 130

# Temporary files and folders of this process that exist, or are about to.
_owned: set[Path] = set()
# Above zero while names are being exchanged: a signal waits for that.
_held = 0
_waiting: list[int] = []


@dataclasses.dataclass(frozen=True)
class Finished:
    """How a program ended, and what it wrote."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def log(self) -> str:
        """All that it wrote."""
        return self.stdout + self.stderr

    def reason(self) -> str:
        """The line that says most about a failure."""
        lines = [line.strip() for line in (self.stderr + "\n" + self.stdout).splitlines() if line.strip()]
        errors = [line for line in lines if "rror" in line]
        return (errors or lines or ["no message"])[0]


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    log: Path | None = None,
    tick: Callable[[], None] | None = None,
) -> Finished:
    """Run a program to its end, without standard input; it is ended with us, and with all that it started.

    Parameters
    ----------
    env: what to add to our own environment.
    log: file that receives all output as it comes; ``stdout`` of the result is then its content.
    tick: called a few times a second while the program runs.

    Raises
    ------
    ToolError: it cannot be started.
    """
    variables = {**os.environ, TOKEN_VARIABLE: token()}
    if cwd is not None and not _owned.isdisjoint([cwd, *cwd.parents]):
        variables["TMPDIR"] = str(cwd)  # what it leaves when it is killed goes with our folder
    variables |= env or {}
    with contextlib.ExitStack() as stack:
        out: Any = stack.enter_context(open(log, "wb") if log else tempfile.TemporaryFile())  # noqa: SIM115
        err = out if log else stack.enter_context(tempfile.TemporaryFile())
        try:
            process = subprocess.Popen(
                [str(part) for part in command],
                cwd=cwd,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
        except OSError as error:
            raise ToolError(f"{Path(str(command[0])).name} cannot be started: {error.strerror or error}") from None
        try:
            while True:
                try:
                    process.wait(0.25 if tick else None)
                    break
                except subprocess.TimeoutExpired:
                    assert tick is not None
                    tick()
        except BaseException:
            end_programs()
            process.kill()  # where programs cannot be listed
            process.wait()
            raise
        if log:
            return Finished(process.returncode, log.read_text(errors="replace"), "")
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
    return Finished(process.returncode, *texts)


@contextlib.contextmanager
def running(command: Sequence[str | Path], *, cwd: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program that runs meanwhile, without standard input, and is ended afterwards.

    Parameters
    ----------
    log: file that receives all output as it comes.

    Raises
    ------
    ToolError: it cannot be started.
    """
    with open(log, "wb") as out:
        try:
            process = subprocess.Popen(
                [str(part) for part in command],
                cwd=cwd,
                env={**os.environ, TOKEN_VARIABLE: token()},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )
        except OSError as error:
            raise ToolError(f"{Path(str(command[0])).name} cannot be started: {error.strerror or error}") from None
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


# --- tokens ----------------------------------------------------------------------------------------------------------


def token() -> str:
    """What marks all that this process owns: the machine's boot, the process, and when it began."""
    return f"{_boot()}.{os.getpid()}.{_began(os.getpid())}"


@functools.cache
def _boot() -> str:
    """Names this start of this machine, and this room for process numbers."""
    parts = []
    for source in ("/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"):
        try:
            parts.append(os.readlink(source) if source.endswith("pid") else Path(source).read_text())
        except OSError:
            parts.append("")
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:8]


def _began(pid: int) -> int:
    """When a process began, in ticks since boot; -1 if there is none, or no way to tell."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return -1
    fields = text[text.rindex(")") + 2 :].split()
    return -1 if fields[0] in "ZX" else int(fields[19])


def is_dead(mark: str) -> bool:
    """Whether the process that a token names has certainly ended."""
    boot, _, rest = mark.partition(".")
    pid, _, began = rest.partition(".")
    if boot != _boot() or not pid.isdigit() or not began.isdigit():
        return False  # not for us to tell
    return _began(int(pid)) != int(began)


# --- temporary files and folders --------------------------------------------------------------------------------------


def own_name(name: str) -> str:
    """A file name that tells whose it is; unlike any other."""
    return f"{_MARK}{token()}-{os.urandom(4).hex()}-{name}"


@contextlib.contextmanager
def owned(path: Path) -> Iterator[Path]:
    """A path that is removed at the end, whatever it is then; also if the process is interrupted."""
    _owned.add(path)
    try:
        yield path
    finally:
        remove(path)
        _owned.discard(path)


@contextlib.contextmanager
def scratch_folder(purpose: str) -> Iterator[Path]:
    """A new folder that is removed at the end.

    Raises
    ------
    OutputError: it cannot be created.
    """
    base = Path(tempfile.gettempdir())
    sweep(base)
    with owned(base / own_name(purpose)) as path:
        try:
            path.mkdir(mode=0o700)
        except OSError as error:
            raise OutputError(f"cannot write to {base}: {error.strerror}") from None
        yield path


def kept_folder(owner: object, purpose: str) -> Path:
    """A new folder that is removed with its owner, or with the process.

    Raises
    ------
    OutputError: it cannot be created.
    """
    stack = contextlib.ExitStack()
    path = stack.enter_context(scratch_folder(purpose))
    weakref.finalize(owner, stack.close)
    return path


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


def sweep(folder: Path) -> None:
    """Clear away what dead runs left: their temporary files in ``folder``, and programs of theirs that still run."""
    try:
        names = [entry.name for entry in os.scandir(folder) if entry.name.lstrip(".").startswith(_MARK)]
    except OSError:
        return
    for name in names:
        mark = name.lstrip(".")[len(_MARK) :].partition("-")[0]
        path = folder / name
        with contextlib.suppress(OSError):
            if is_dead(mark) and path.lstat().st_uid == os.getuid():
                end_programs(mark)
                remove(path)


def sweep_temporary() -> None:
    """Sweep where temporary folders are made; each command does, whether it makes one or not."""
    with contextlib.suppress(OSError):
        sweep(Path(tempfile.gettempdir()))


# --- programs --------------------------------------------------------------------------------------------------------


def end_programs(mark: str | None = None) -> None:
    """End all programs that this run started, or that a dead one did, and all that they started."""
    mark = mark or token()
    deadline = time.monotonic() + _PATIENCE_S
    how = signal.SIGTERM
    while found := _programs(mark):
        for pid in found:
            with contextlib.suppress(OSError):
                os.kill(pid, how)
        time.sleep(0.02)
        if time.monotonic() > deadline:
            how = signal.SIGKILL
        if time.monotonic() > deadline + 5 * _PATIENCE_S:
            return  # a process that even this does not end waits for a device


def _programs(mark: str) -> list[int]:
    """Processes that carry a token, this one aside."""
    found = []
    wanted = f"{TOKEN_VARIABLE}={mark}".encode()
    try:
        numbers = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []
    for pid in numbers:
        if pid == os.getpid():
            continue
        with contextlib.suppress(OSError):
            if wanted in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") and _began(pid) >= 0:
                found.append(pid)
    return found


# --- signals ---------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def undivided() -> Iterator[None]:
    """A few lines that a signal must not come between; it waits until they are done."""
    global _held
    _held += 1
    try:
        yield
    finally:
        _held -= 1
        if not _held and _waiting:
            _stop(_waiting[0], None)


def end_at_signals() -> None:
    """From now on an interrupt, a hang-up or a request to end closes this process cleanly, with one line."""
    os.environ[TOKEN_VARIABLE] = token()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # what was ignored when we were started, as by nohup, stays ignored
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _stop)


def _stop(number: int, frame: Any) -> None:
    """End now: no exception travels, so no library between here and there can swallow it or complain about it."""
    if _held:
        _waiting.append(number)
        return
    if threading.current_thread() is not threading.main_thread():
        return
    for other in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(other, signal.SIG_IGN)
    clear_away()
    word = "interrupted" if number == signal.SIGINT else f"ended by {signal.Signals(number).name}"
    # a spinner hides the cursor
    show_cursor = "\r\x1b[K\x1b[?25h" if sys.stderr is not None and os.isatty(2) else ""
    with contextlib.suppress(OSError):
        os.write(2, f"{show_cursor}ffhw: {word}; nothing was left half-written\n".encode())
    os._exit(INTERRUPTED if number == signal.SIGINT else 128 + number)


def clear_away() -> None:
    """End our programs and remove our temporary files."""
    end_programs()
    for path in list(_owned):
        remove(path)

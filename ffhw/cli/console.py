"""What the commands print with."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.status import Status


class Output(Console):
    """Text for whoever reads it. One who has seen enough, like ``head -1``, stops no work: files are its result."""

    def on_broken_pipe(self) -> None:
        """From now on nobody is told."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


console = Output(highlight=False, soft_wrap=True)
_SECONDS_BETWEEN_LINES = 20.0
# figures of merit that are shares of a whole
_SHARES = ("accuracy", "sign_accuracy")


def quiet_tensorflow() -> None:
    """Keep TensorFlow's announcements off the terminal; to be called before anything imports it."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # the other kernels vary the order of sums, and announce it at each start
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    # batches of another size make a graph anew, of which it warns
    logging.getLogger("tensorflow").setLevel(logging.ERROR)


def backend_title() -> str:
    """What Keras is about to load, before anything imports it, as its users name it: said where Keras looks for it."""
    name = os.environ.get("KERAS_BACKEND")
    try:
        home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
        name = name or json.loads((home / "keras.json").read_text())["backend"]
    except (OSError, ValueError, KeyError, TypeError, RuntimeError):
        name = name or "tensorflow"
    return {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}.get(name, name)


class Steps:
    """Shows what is being done: a spinner on a terminal, a line anywhere else; then the time it took, if long."""

    def __init__(self) -> None:
        self._status: Status | None = None
        self._text = ""
        self._begin = self._told = 0.0

    def __call__(self, text: str) -> None:
        """The next step begins."""
        self._finish()
        self._text, self._begin = text, time.monotonic()
        self._told = self._begin
        if console.is_terminal:
            self._status = console.status(text)
            self._status.start()
        else:
            console.print(f"· {text}", markup=False)

    def progress(self, done: int, total: int) -> None:
        """So much of the step is done."""
        shown = f"{self._text}: {done:,} of {total:,}"
        if self._status is not None:
            self._status.update(shown)
        elif time.monotonic() - self._told > _SECONDS_BETWEEN_LINES:
            console.print(f"  {done:,} of {total:,}", markup=False)
            self._told = time.monotonic()

    def note(self, text: str) -> None:
        """How far the step is, in words; anywhere but on a terminal now and then only."""
        if self._status is not None:
            self._status.update(escape(f"{self._text}: {text}"))
        elif time.monotonic() - self._told > _SECONDS_BETWEEN_LINES:
            console.print(f"  {text}", markup=False)
            self._told = time.monotonic()

    def _finish(self) -> None:
        if not self._text:
            return
        seconds = time.monotonic() - self._begin
        took = f" ({seconds:.0f} s)" if seconds > 2 else ""
        if self._status is not None:
            self._status.stop()
            self._status = None
            console.print(f"· {self._text}{took}", markup=False)
        elif took:
            console.print(f"  {took.strip()}", markup=False)
        self._text = ""

    def __enter__(self) -> Steps:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finish()


@contextlib.contextmanager
def epoch_progress(epochs: int) -> Iterator[Callable[[int, int, dict[str, float]], None]]:
    """Shows epochs go by: a bar on a terminal, a line now and then anywhere else."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("epochs"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    told = time.monotonic()
    with Progress(
        *columns, TextColumn("{task.fields[figures]}"), console=console, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("epochs", total=epochs, figures="")

        def report(epoch: int, total: int, figures: dict[str, float]) -> None:
            nonlocal told
            text = "  ".join(f"{name} {value:.4g}" for name, value in figures.items())
            bar.update(task, completed=epoch, total=total, figures=text)
            if not console.is_terminal and (time.monotonic() - told > _SECONDS_BETWEEN_LINES or epoch == total):
                console.print(f"  epoch {epoch} of {total}  {text}", markup=False)
                told = time.monotonic()

        yield report


def percent(value: float) -> str:
    """A share as a percentage of two decimals."""
    return f"{100 * value:.2f} %"


def describe_score(score: dict[str, float]) -> str:
    """Figures of merit in words: shares as percentages, errors as numbers."""
    words = {"sign_accuracy": "sign accuracy", "mse": "MSE"}
    parts = []
    for key, value in score.items():
        shown = percent(value) if key in _SHARES else f"{value:.5f}" if key == "mse" else f"{value:.5g}"
        parts.append(f"{words.get(key, key.replace('_', ' '))} {shown}")
    return ", ".join(parts) or "no labels to compare with"

"""Checkpoints of a training: one that was killed goes on and ends as if it never had been.

A checkpoint holds all that the rest of the training depends on: weights, moving statistics, the optimizer's state, the
state of random generators, the number of epochs done, and the settings. Batches need no state, see
:class:`ffhw.training.batches.Batches`.
"""

from __future__ import annotations

import dataclasses
import io
import json
import math
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ffhw.errors import InputError
from ffhw.files import write_atomic

SUFFIX = ".checkpoint.npz"
_KEPT = "kept"  # begins the names of the weights that a training keeps


@dataclasses.dataclass
class Progress:
    """How far a training is.

    lowest, kept_epoch, kept: of a training that keeps its best epoch, that one's loss, its number from 1, its weights;
        epoch 0 is before the training.
    """

    epochs: int = 0
    history: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    seconds: float = 0.0
    lowest: float = math.inf
    kept_epoch: int = 0
    kept: list[NDArray[Any]] = dataclasses.field(default_factory=list)

    def keep_if_best(self, loss: float, model: Any) -> None:
        """Keep the model's weights if none before were better; the later of equals has seen more."""
        if loss <= self.lowest:
            self.lowest, self.kept_epoch, self.kept = loss, self.epochs, model.get_weights()


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """The checkpoint file beside a model.

    Parameters
    ----------
    path: the file. settings: what must be the same for a training to go on.
    """

    path: Path
    settings: dict[str, Any]

    def save(self, model: Any, progress: Progress) -> None:
        """Write the state after an epoch; a reader finds the last one or this one."""
        fields = {key: value for key, value in vars(progress).items() if key != "kept"}
        about = json.dumps({"settings": self.settings, "progress": fields})
        arrays = {f"v{number:04}": np.asarray(v.value) for number, v in enumerate(_state(model))}
        arrays |= {f"{_KEPT}{number:04}": array for number, array in enumerate(progress.kept)}
        content = io.BytesIO()
        arrays["about"] = np.frombuffer(about.encode(), np.uint8)
        np.savez(content, **arrays)  # type: ignore[arg-type]  # none is named like an option
        write_atomic(self.path, content.getvalue())

    def restore(self, model: Any) -> Progress:
        """Bring a compiled, fresh model to where the checkpoint is; epoch 0 if there is none.

        Raises
        ------
        InputError: the checkpoint is damaged, or of a training with other settings.
        """
        if not self.path.exists():
            return Progress()
        anew = f"remove {self.path} to begin anew"
        try:
            # opened here: numpy leaves a damaged file open
            with open(self.path, "rb") as raw, np.load(raw, allow_pickle=False) as file:
                about = json.loads(file["about"].tobytes())
                names = sorted(name for name in file.files if name != "about")
                kept = [file[name] for name in names if name.startswith(_KEPT)]
                arrays = [file[name] for name in names if not name.startswith(_KEPT)]
            progress = Progress(**about["progress"], kept=kept)
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
            raise InputError(f"{self.path} is damaged: {anew}") from None
        wanted = json.loads(json.dumps(self.settings))
        for name, value in wanted.items():
            # what a checkpoint of an earlier version does not name was off in it
            if about["settings"].get(name) != value and (value or name in about["settings"]):
                raise InputError(
                    f"{self.path} is of a training with {name} {about['settings'].get(name)!r}, not {value!r}: "
                    f"use the same options to go on, or {anew}"
                )
        state = _state(model)
        if [v.shape for v in state] != [a.shape for a in arrays]:
            raise InputError(f"{self.path} is of another network: {anew}")
        for variable, array in zip(state, arrays, strict=True):
            variable.assign(array)
        return progress


def _state(model: Any) -> list[Any]:
    """All variables that training changes and that outlive an epoch: not those of metrics."""
    model.optimizer.build(model.trainable_variables)
    metrics = {id(v) for v in model.metrics_variables}
    return [v for v in model.variables if id(v) not in metrics] + list(model.optimizer.variables)


def fit(
    model: Any,
    feed: dict[str, Any],
    epochs: int,
    checkpoint: Checkpoint | None,
    every_seconds: float,
    tell: Any,
    begin_epoch: Callable[[int], None] = lambda _: None,
    judge: Callable[[], float] | None = None,
) -> Progress:
    """Train a compiled model to its last epoch, from the checkpoint if there is one.

    Parameters
    ----------
    feed: arguments of ``model.fit`` that hold the data; batches of :class:`ffhw.training.batches.Batches` if there is a
        checkpoint.
    every_seconds: a checkpoint is written after an epoch if the last one is that old.
    tell: called with the number of epochs done, their total, and the last one's figures.
    begin_epoch: called with an epoch's number, from 0, before it begins.
    judge: gives the loss by which the best epoch's weights are kept, those before the first one among them; the last
        epoch's if None, or if all are NaN.
    """
    import keras

    progress = checkpoint.restore(model) if checkpoint else Progress()
    saved = time.monotonic()
    begin = saved - progress.seconds

    class Watch(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            if hasattr(feed["x"], "begin"):
                feed["x"].begin(epoch)
            begin_epoch(epoch)

        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            nonlocal saved
            figures = {name: float(value) for name, value in (logs or {}).items()}
            for name, value in figures.items():
                progress.history.setdefault(name, []).append(value)
            progress.epochs, progress.seconds = epoch + 1, time.monotonic() - begin
            if judge is not None:
                progress.keep_if_best(judge(), self.model)
            if checkpoint and time.monotonic() - saved >= every_seconds:
                checkpoint.save(self.model, progress)
                saved = time.monotonic()
            tell(epoch + 1, epochs, figures)

    if judge is not None and not progress.epochs:
        progress.keep_if_best(judge(), model)
    if progress.epochs < epochs:
        model.fit(**feed, epochs=epochs, initial_epoch=progress.epochs, verbose=0, callbacks=[Watch()])
    if progress.kept:
        model.set_weights(progress.kept)
    return progress

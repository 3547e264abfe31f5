"""Training a task: reproducible by seed, with progress, and with everything measured written down."""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ffhw import __version__
from ffhw.arrays import npz_bytes
from ffhw.errors import InputError, OutputError
from ffhw.files import check_file, write_together
from ffhw.layers.base import Head
from ffhw.processes import scratch_folder
from ffhw.training.models import RecurrentOptions, build_model
from ffhw.training.tasks import Task, TaskData

# What a training writes beside each other.
SUFFIXES = (".keras", ".initial.keras", ".data.npz", ".json")


def train(
    chosen: Task,
    target: Path,
    options: RecurrentOptions | None = None,
    *,
    epochs: int | None = None,
    learning_rate: float | None = None,
    seed: int = 1,
    progress: Callable[[int, int, dict[str, float]], None] = lambda *_: None,
) -> dict[str, Any]:
    """Train a model and write ``target``; beside it the untrained model, the test split and the record.

    Files: ``M.keras``, ``M.initial.keras``, ``M.data.npz`` and ``M.json``.

    Parameters
    ----------
    target: a ``.keras`` file.
    options: the recurrent layer; the task's own JK layer if None.
    progress: called after each epoch with its number, their total, and the epoch's figures.

    Returns
    -------
    The record: settings, history, test figures.

    Raises
    ------
    InputError: a setting out of range. OutputError: the target cannot be written.
    """
    options = options or RecurrentOptions()
    epochs = options.epochs(chosen) if epochs is None else epochs
    rate = options.learning_rate(chosen) if learning_rate is None else learning_rate
    if not 0 < rate < 1:
        raise InputError(f"--learning-rate must be greater than 0 and below 1, not {rate!r}")
    if epochs < 1:
        raise InputError(f"--epochs must be at least 1, not {epochs}")
    check_target(target)
    # settled before anything is loaded: a wrong option must not cost a minute
    import keras

    keras.utils.set_random_seed(seed)
    data = chosen.load(seed)
    model = build_model(chosen, options, data.x.shape[-1], seed)
    initial = keras_bytes(model)
    chosen = dataclasses.replace(chosen, learning_rate=rate)
    history, seconds = _fit(model, chosen, data, epochs, progress)
    record = {
        "ffhw": __version__,
        "task": chosen.name,
        **dataclasses.asdict(options),
        "units": options.units or chosen.units,
        "parameters": int(model.count_params()),
        "seed": seed,
        "epochs": epochs,
        "learning_rate": rate,
        "train_seconds": round(seconds, 1),
        "test": evaluate(model, chosen, data),
        "history": history,
    }
    contents: tuple[bytes | str, ...] = (
        keras_bytes(model),
        initial,
        npz_bytes({"x": data.x_test, "lengths": data.lengths_test, "y": data.y_test}),
        json.dumps(record, indent=2) + "\n",
    )
    write_together({target.with_suffix(s): content for s, content in zip(SUFFIXES, contents, strict=True)})
    return record


def check_target(target: Path) -> None:
    """Refuse a target that cannot become a ``.keras`` file.

    Raises
    ------
    InputError: another suffix. OutputError: no such folder, or no permission.
    """
    if target.suffix != ".keras":
        raise InputError(f"the model's name must end in .keras, not {target.name!r}")
    folder = target.resolve().parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise OutputError(f"cannot write {target}: the folder {folder} does not exist or is not writable")
    for suffix in SUFFIXES:
        check_file(target.with_suffix(suffix))


def keras_bytes(model: Any) -> bytes:
    """The ``.keras`` file of a model."""
    with scratch_folder("train") as folder:
        path = folder / "model.keras"
        model.save(path)
        return path.read_bytes()


def evaluate(model: Any, chosen: Task, data: TaskData) -> dict[str, float]:
    """Figures on the test split: accuracy of a classifier, or mean square error and sign accuracy."""
    from ffhw.layers.rhythm import Rhythm
    from ffhw.model.data import Data, Signature
    from ffhw.model.scores import read_targets, score

    answers = np.asarray(model.predict(data.x_test, batch_size=256, verbose=0), dtype=np.float64)
    head: Head = "softmax" if chosen.softmax else "values"
    signature = Signature(data.x_test.shape[-1], answers.shape[-1], head, Rhythm(once=chosen.softmax))
    test = Data(data.x_test.astype(np.float64), data.lengths_test, data.y_test)
    return score(answers, read_targets(test, signature, "the test split"), test, signature)


def _fit(
    model: Any, chosen: Task, data: TaskData, epochs: int, progress: Callable[[int, int, dict[str, float]], None]
) -> tuple[dict[str, list[float]], float]:
    import keras

    batches = -(-len(data.x) // chosen.batch_size)
    rate = keras.optimizers.schedules.CosineDecay(chosen.learning_rate, epochs * batches)
    model.compile(
        optimizer=keras.optimizers.Adam(rate, clipnorm=1.0),
        loss="sparse_categorical_crossentropy" if chosen.softmax else "mse",
        metrics=["accuracy"] if chosen.softmax else [],
        # XLA compiles long loops slowly, and a small cell gains nothing from it on a CPU
        jit_compile=False,
    )

    class Report(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            progress(epoch + 1, epochs, {name: float(value) for name, value in (logs or {}).items()})

    begin = time.monotonic()
    history = model.fit(data.x, data.y, batch_size=chosen.batch_size, epochs=epochs, verbose=0, callbacks=[Report()])
    seconds = time.monotonic() - begin
    return {name: [float(v) for v in values] for name, values in history.history.items()}, seconds

"""Training a task: reproducible by seed, with progress, and with everything measured written down."""

from __future__ import annotations

import dataclasses
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ffhw import __version__
from ffhw.arrays import npz_bytes
from ffhw.errors import InputError, OutputError
from ffhw.files import check_file, write_together
from ffhw.processes import scratch_folder
from ffhw.training import pruning
from ffhw.training import strategy as devices
from ffhw.training.checkpoint import SUFFIX as CHECKPOINT
from ffhw.training.checkpoint import Checkpoint, Progress, fit
from ffhw.training.environment import environment, peak_mib
from ffhw.training.networks.options import RecurrentOptions
from ffhw.training.qat.train import Checkpoints, Stages, train_on_integers
from ffhw.training.sparsity import measured
from ffhw.training.tasks.base import Preset, Task, Trained

# What a training writes beside each other; a task's pictures come on top.
SUFFIXES = (".keras", ".initial.keras", ".data.npz", ".json")


def train(
    chosen: Task,
    target: Path,
    options: RecurrentOptions | None = None,
    *,
    preset: str | Preset | None = None,
    source: str | None = None,
    epochs: int | None = None,
    learning_rate: float | None = None,
    prune: float | None = None,
    batch_size: int | None = None,
    seed: int = 1,
    progress: Callable[[int, int, dict[str, float]], None] = lambda *_: None,
    say: Callable[[str], None] = lambda _: None,
    checkpoint_seconds: float = 30.0,
    strategy: str = "default",
    stages: Stages | None = None,
) -> dict[str, Any]:
    """Train a model and write ``target``; beside it the record, the test split and pictures.

    ``M.data.npz`` holds the test split where the network can become hardware, ``M.initial.keras`` the untrained model
    where analyses compare with it. While it trains there is ``M.checkpoint.npz``: the same call goes on after a kill.

    Parameters
    ----------
    target: a ``.keras`` file.
    options: the recurrent layer; the task's own JK layer if None.
    preset, source: names of the task's sizes and data, or sizes of one's own; the task's own if None.
    epochs, learning_rate, batch_size: instead of the preset's.
    prune: share of the weights, see :mod:`ffhw.training.pruning`.
    progress: called after each epoch with its number, their total, and its figures. say: told what begins.
    checkpoint_seconds: least time between two checkpoints. strategy: of devices, see :mod:`ffhw.training.strategy`.
    stages: train on integers afterwards; ``target`` is then the model of the last stage.

    Returns
    -------
    The record: settings, history, test figures.

    Raises
    ------
    InputError: a setting out of range. OutputError: the target cannot be written. ToolError: no such devices.
    """
    options = options or RecurrentOptions()
    sizes = settle(chosen, options, preset, source, epochs, learning_rate, prune, batch_size)
    _check(chosen, target, strategy, stages, sizes)
    # settled before anything is loaded: a wrong option must not cost a minute
    import keras

    spread = devices.strategy(strategy)
    keras.utils.set_random_seed(seed)
    say("loading data")
    data = chosen.examples(sizes, seed)
    with spread.scope():
        model = chosen.build(options, sizes, data, seed)
        contents: dict[str, bytes | str] = {".initial.keras": keras_bytes(model)} if chosen.keep_initial else {}
        chosen.compile(model, sizes, sizes.epochs * -(-len(data.y) // sizes.batch_size))
    options = chosen.settled(options, sizes)
    settings = {"task": chosen.name, **dataclasses.asdict(options), **dataclasses.asdict(sizes), "seed": seed}
    checkpoint = Checkpoint(target.with_suffix(CHECKPOINT), {**settings}) if chosen.resumable else None
    say("training")
    checkpoints = Checkpoints(checkpoint, checkpoint_seconds)
    done = _fit(chosen, model, data, sizes, seed, checkpoints, progress)
    if stages is not None:
        checkpoints.keep_first(model, done)
    model = model if strategy == "default" else _plain(model, chosen.build(options, sizes, data, seed))
    say("scoring and drawing")
    trained = Trained(model, data, sizes, done.history, seed, chosen.baseline(data), chosen.at_once)
    settings |= {"strategy": strategy, "replicas": spread.num_replicas_in_sync}
    record = _record(chosen, trained, settings, done.seconds)
    if stages is not None:
        trained, rows = train_on_integers(chosen, trained, stages, checkpoints, progress, say)
        record |= _of_integers(record, rows)
    _write(target, chosen, trained, record, contents)
    checkpoints.remove()
    return record


def _check(chosen: Task, target: Path, strategy: str, stages: Stages | None, sizes: Preset) -> None:
    """Refuse what cannot be, before anything is loaded."""
    check_target(target)
    devices.check(strategy)
    if sizes.prune and strategy != "default":
        raise InputError("--prune works on one device: leave out --strategy")
    if stages is not None and not chosen.becomes_hardware:
        raise InputError(f"--qat: the network of {chosen.name} has no hardware yet, and so no integers to train on")


def _plain(model: Any, fresh: Any) -> Any:
    """The model outside its strategy: one for several devices answers a batch once on each of them."""
    fresh.set_weights(model.get_weights())
    return fresh


def _fit(
    chosen: Task, model: Any, data: Any, sizes: Any, seed: int, checkpoints: Checkpoints,
    progress: Callable[[int, int, dict[str, float]], None],
) -> Progress:  # fmt: skip
    """Train in floats, pruning if that is asked for."""
    begin, feed = pruning.each_epoch(model, sizes), chosen.feed(data, sizes, seed)
    return fit(model, feed, sizes.epochs, checkpoints.first, checkpoints.seconds, progress, begin)


def _of_integers(record: dict[str, Any], rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What the record says behind a training on integers, from what it said before and from each stage."""
    last = {name: rows[-1][name] for name in ("test", "sparsity")}
    return {"float_test": record["test"], **last, "qat": rows}


def _record(chosen: Task, trained: Trained, settings: dict[str, Any], seconds: float) -> dict[str, Any]:
    """What was asked for, and all that was measured."""
    return {
        "ffhw": __version__,
        **settings,
        **chosen.describe(trained.data, trained.preset),
        "parameters": count_trainable(trained.model),
        "train_seconds": round(seconds, 1),
        "test": chosen.evaluate(trained),
        "baseline": trained.baseline,
        "sparsity": measured(chosen, trained),
        "history": trained.history,
        "peak_mib": peak_mib(),
        "environment": environment(),
    }


def _write(
    target: Path, chosen: Task, trained: Trained, record: dict[str, Any], contents: dict[str, bytes | str]
) -> None:
    """Write all that a training leaves, and its names into the record."""
    contents[".keras"] = keras_bytes(trained.model)
    exported = chosen.exports(trained.data)
    if exported is not None:
        contents[".data.npz"] = npz_bytes(exported)
    for name, figure in chosen.figures(trained).items():
        contents[f".{name}.png"] = png_bytes(figure)
    record["files"] = sorted([*contents, ".json"])
    contents[".json"] = json.dumps(record, indent=2) + "\n"
    write_together({target.with_suffix(suffix): content for suffix, content in contents.items()})


def settle(
    chosen: Task,
    options: RecurrentOptions,
    preset: str | Preset | None = None,
    source: str | None = None,
    epochs: int | None = None,
    learning_rate: float | None = None,
    prune: float | None = None,
    batch_size: int | None = None,
) -> Any:
    """Sizes of a training: the preset's, but for what is said otherwise.

    Raises
    ------
    InputError: a setting out of range, or one that the task does not have.
    """
    sizes = preset if isinstance(preset, Preset) else chosen.preset(options, preset, source)
    epochs = sizes.epochs if epochs is None else epochs
    rate = sizes.learning_rate if learning_rate is None else learning_rate
    if not 0 < rate < 1 and learning_rate is not None:
        raise InputError(f"--learning-rate must be greater than 0 and below 1, not {rate!r}")
    if epochs < 1:
        raise InputError(f"--epochs must be at least 1, not {epochs}")
    batch = sizes.batch_size if batch_size is None else batch_size
    if batch < 1:
        raise InputError(f"--batch-size must be at least 1, not {batch}")
    prune = pruning.check(sizes.prune if prune is None else prune)
    return dataclasses.replace(sizes, epochs=epochs, learning_rate=rate, batch_size=batch, prune=prune)


def written(target: Path, record: dict[str, Any]) -> list[Path]:
    """The files that a training left, the model first."""
    return [target, *(target.with_suffix(suffix) for suffix in record["files"] if suffix != ".keras")]


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
    for suffix in (*SUFFIXES, CHECKPOINT):
        check_file(target.with_suffix(suffix))


def keras_bytes(model: Any) -> bytes:
    """The ``.keras`` file of a model."""
    with scratch_folder("train") as folder:
        path = folder / "model.keras"
        model.save(path)
        return path.read_bytes()


def png_bytes(figure: Any) -> bytes:
    """A matplotlib figure as a PNG picture."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=110, metadata={"Software": None})
    return content.getvalue()


def count_trainable(model: Any) -> int:
    """Trainable parameters of a model."""
    import math

    return sum(math.prod(weight.shape) for weight in model.trainable_weights)

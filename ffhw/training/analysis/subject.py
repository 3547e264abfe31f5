"""What is analyzed: a trained network and what was written beside it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from ffhw.errors import InputError
from ffhw.training.analysis.dynamics import Dynamics, read_dynamics
from ffhw.training.analysis.probe import Generator
from ffhw.training.tasks import sequence_task


@dataclasses.dataclass(frozen=True)
class Subject:
    """A trained network, what it looked like before training, its task and its training record.

    initial, record: None and empty if the files beside the model are missing.
    """

    path: Path
    system: Dynamics
    initial: Dynamics | None
    generator: Generator
    task: str
    record: dict[str, Any]

    @property
    def title(self) -> str:
        """The file's name without its suffix."""
        return self.path.stem


def open_subject(path: Path, task: str | None = None) -> Subject:
    """Read a model, and what ``ffhw train`` wrote beside it.

    Parameters
    ----------
    task: name of the task; if None, the one in the model's record.

    Raises
    ------
    InputError: no such model or task, no known task, or one that no generator makes or that does not fit the model.
    """
    system = read_dynamics(path)
    record_path = path.with_suffix(".json")
    try:
        training: dict[str, Any] = json.loads(record_path.read_text()) if record_path.exists() else {}
    except (OSError, ValueError):
        raise InputError(f"{record_path} is not a training record: name the task with --task") from None
    name = task or training.get("task")
    if not isinstance(name, str):
        raise InputError(f"{path} has no record {record_path.name} beside it: name the task with --task")
    chosen = sequence_task(name)
    generator = chosen.generator
    if generator is None:
        raise InputError(f"task {name} has no generator: analyze takes the memory and decision tasks")
    if (system.inputs, len(system.readout_bias)) != (generator.inputs, chosen.outputs):
        raise InputError(
            f"{path} has {system.inputs} inputs and {len(system.readout_bias)} outputs, task {name} has "
            f"{generator.inputs} and {chosen.outputs}"
        )
    before = path.with_suffix(".initial.keras")
    initial = read_dynamics(before) if before.exists() else None
    return Subject(path, system, initial, generator, name, training)

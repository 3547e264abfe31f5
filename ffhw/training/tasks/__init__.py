"""The tasks, by name: one file a task, and what a task is (``base``)."""

from __future__ import annotations

import re

from ffhw.errors import InputError
from ffhw.training.tasks import (
    action,
    basic_motions,
    decisions,
    flipflop,
    frames,
    handwriting,
    japanese_vowels,
    logic,
    lung,
    pen_digits,
    sentiment,
    signal,
    text,
)
from ffhw.training.tasks.base import Task, TaskData
from ffhw.training.tasks.sequence import SequenceTask

__all__ = ["PAPER_TASKS", "SEQUENCE_TASKS", "TASKS", "SequenceTask", "Task", "TaskData", "sequence_task", "task"]

SEQUENCE_TASKS: dict[str, SequenceTask] = {
    task.name: task
    for task in (
        flipflop.flipflop(3),
        japanese_vowels.TASK,
        basic_motions.TASK,
        pen_digits.TASK,
        *decisions.TASKS,
        *logic.TASKS,
    )
}
# the paper's, see docs/paper.md
PAPER_TASKS: dict[str, Task] = {
    task.name: task
    for task in (signal.TASK, text.TASK, sentiment.TASK, frames.TASK, handwriting.TASK, lung.TASK, action.TASK)
}
TASKS: dict[str, Task] = {**SEQUENCE_TASKS, **PAPER_TASKS}


def task(name: str) -> Task:
    """Task of a name; ``flipflop1`` to ``flipflop8`` are memories of as many bits.

    Raises
    ------
    InputError: there is none; lists those that are.
    """
    if re.fullmatch("flipflop[1-8]", name):
        return flipflop.flipflop(int(name[-1]))
    if name not in TASKS:
        raise InputError(f"TASK must be one of {', '.join(TASKS)} (or flipflop1 to flipflop8), not {name!r}")
    return TASKS[name]


def sequence_task(name: str) -> SequenceTask:
    """Task of a name, of one recurrent layer and a readout.

    Raises
    ------
    InputError: there is none, or its network is another one.
    """
    found = task(name)
    if not isinstance(found, SequenceTask):
        raise InputError(f"task {name} has no generator: analyze takes the memory and decision tasks")
    return found

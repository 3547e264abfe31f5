"""The recurrent layer of a task's network: of what a user chose, and of what the task has."""

from __future__ import annotations

import dataclasses

import pytest

from ffhw.errors import InputError
from ffhw.training.networks.options import RecurrentOptions
from ffhw.training.networks.recurrent import recurrent_layer
from ffhw.training.tasks import TASKS

VOWELS, MOTIONS, MEMORY = (TASKS[name] for name in ("japanese-vowels", "basic-motions", "flipflop3"))


def made(task, **options):
    return recurrent_layer(task, RecurrentOptions(**options), 4, 1)


@pytest.mark.parametrize("cell", ["jk", "sr", "toggle"])
@pytest.mark.parametrize(
    ("task", "asked", "centered"),
    [(VOWELS, None, False), (MOTIONS, None, True), (VOWELS, True, True), (MOTIONS, False, False)],
)
def test_states_are_centered_as_asked_or_as_the_task_has_them(task, asked, centered, cell):
    assert made(task, cell=cell, centered=asked).get_config()["centered"] is centered
    # what the record says is what the layer is
    assert task.settled(RecurrentOptions(cell, centered=asked), None).centered is centered


def test_states_of_other_cells_are_as_they_are():
    assert MOTIONS.settled(RecurrentOptions("lstm"), None).centered is False
    with pytest.raises(InputError, match=r"^--centered is for jk, sr, toggle, not gru$"):
        RecurrentOptions("gru", centered=True)


def test_the_limit_is_that_of_hardwares_weights():
    """``W (2 h - 1) + b = 2 W h + (b - W 1)``: centered weights of states reach half as far, those of inputs do not."""
    for centered, limit in ((False, MEMORY.weight_limit), (True, MEMORY.weight_limit / 2)):
        cell = made(MEMORY, centered=centered).cell
        assert cell.recurrent_constraint.limit == limit
        assert cell.kernel_constraint.limit == MEMORY.weight_limit
    free = dataclasses.replace(MEMORY, weight_limit=None)
    assert made(free, centered=True).cell.recurrent_constraint is None

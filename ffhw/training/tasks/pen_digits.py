"""Pen digits: which digit a pen writes, from eight points along its way."""

from __future__ import annotations

from ffhw.training.datasets.keel import pen_digits
from ffhw.training.datasets.labelled import standardised
from ffhw.training.tasks.base import TaskData
from ffhw.training.tasks.sequence import SequenceTask


def _load(seed: int) -> TaskData:
    train, test = standardised(*pen_digits())
    return TaskData(train.x, train.y, test.x, test.y, test.lengths)


TASK = SequenceTask(
    name="pen-digits",
    title="pen digits: ten digits, eight points of a pen (Alimoglu & Alpaydin 1996)",
    load=_load,
    outputs=10,
    softmax=True,
    units=32,
    epochs=30,
    batch_size=64,
    learning_rate=1e-2,
    longest_hold=8.0,
)

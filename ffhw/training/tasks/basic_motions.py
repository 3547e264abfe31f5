"""BasicMotions: which of four motions a wrist makes. A real accelerometer and gyroscope."""

from __future__ import annotations

from ffhw.training.datasets.aeon import basic_motions
from ffhw.training.datasets.labelled import standardised, with_crops
from ffhw.training.tasks.base import TaskData
from ffhw.training.tasks.sequence import SequenceTask


def _load(seed: int) -> TaskData:
    train, test = standardised(*basic_motions())
    # a motion repeats itself: each part of it shows which it is
    x, y = with_crops(train, copies=3, shortest=0.6, seed=seed)
    return TaskData(x, y, test.x, test.y, test.lengths)


TASK = SequenceTask(
    name="basic-motions",
    title="BasicMotions: four motions, accelerometer and gyroscope at a wrist",
    load=_load,
    outputs=4,
    softmax=True,
    units=32,
    epochs=30,
    batch_size=8,
    learning_rate=5e-3,
    longest_hold=50.0,
    input_noise=0.2,
    centered=True,
)

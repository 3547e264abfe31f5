"""JapaneseVowels: which of nine speakers says it. Real speech, the flagship example."""

from __future__ import annotations

from ffhw.training.datasets.aeon import japanese_vowels
from ffhw.training.datasets.labelled import standardised, with_crops
from ffhw.training.tasks.base import TaskData
from ffhw.training.tasks.sequence import SequenceTask


def _load(seed: int) -> TaskData:
    train, test = standardised(*japanese_vowels())
    # a speaker is the same in every part of a vowel
    x, y = with_crops(train, copies=3, shortest=0.7, seed=seed)
    return TaskData(x, y, test.x, test.y, test.lengths)


TASK = SequenceTask(
    name="japanese-vowels",
    title="JapaneseVowels: nine speakers, 12 cepstrum coefficients (Kudo et al. 1999)",
    load=_load,
    outputs=9,
    softmax=True,
    units=32,
    epochs=30,
    batch_size=16,
    learning_rate=5e-3,
    longest_hold=16.0,
    input_noise=0.4,
)

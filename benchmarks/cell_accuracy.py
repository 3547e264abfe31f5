"""What each cell learns when all get the same tuning: JapaneseVowels and the 3-bit memory, 32 units.

The budget of a cell and task: one training at each of the same four learning rates, judged on a part of the training
data that is held out; then three seeds at the best rate on all of it, judged on the test split, in floats and at 8
bits. Initial biases are the task's (of memories, where a cell has gates). Run from the repository: ``python
benchmarks/cell_accuracy.py`` (two hours); what ``cell_accuracy.json`` holds already is not trained again.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import dataclasses
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from common import kept, save

from ffhw.export import Options, export
from ffhw.numbers.scales import Widths
from ffhw.training.networks.options import RecurrentOptions
from ffhw.training.tasks import SEQUENCE_TASKS, SequenceTask, TaskData
from ffhw.training.train import train

SEEDS = (1, 2, 3)
CELLS = ("jk", "sr", "toggle", "rnn", "gru", "lstm")
RATES = (1e-3, 3e-3, 1e-2, 3e-2)
# task: epochs of a trial and of the trainings that count, and the score that ranks
CHOSEN = {"japanese-vowels": (30, 30, "accuracy"), "flipflop3": (2, 5, "sign_accuracy")}
# of five sources, the last is held out: JapaneseVowels has each 4 times, its crops in the order of the recordings
RECORDINGS = {"japanese-vowels": 270}


def held_out(task: SequenceTask) -> SequenceTask:
    """The task with a fifth of its training data as the test split."""

    def load(seed: int) -> TaskData:
        data = task.load(seed)
        source = np.arange(len(data.x)) % RECORDINGS.get(task.name, len(data.x))
        out = source % 5 == 4
        # of a recording that is held out, only the whole one is judged
        judged = out & (np.arange(len(data.x)) == source)
        steps = (data.x[judged] != 0).any(axis=2) if task.softmax else np.ones(data.x[judged].shape[:2], bool)
        lengths = steps.shape[1] - np.argmax(steps[:, ::-1], axis=1)
        return TaskData(data.x[~out], data.y[~out], data.x[judged], data.y[judged], lengths.astype(np.int64))

    return dataclasses.replace(task, load=load)


def tuned(task: SequenceTask, cell: str, epochs: int, score: str, model: Path) -> list[dict[str, float]]:
    """The score of each learning rate on the part held out."""
    options, trials = RecurrentOptions(cell=cell), []
    for rate in RATES:
        record = train(held_out(task), model, options, epochs=epochs, learning_rate=rate, seed=SEEDS[0])
        trials.append({"learning_rate": rate, score: record["test"][score]})
    return trials


def measure(task: SequenceTask, cell: str, folder: Path) -> dict[str, Any]:
    """One cell at one task: its trials, and its seeds at the best of them."""
    (short, epochs, score), model = CHOSEN[task.name], folder / "m.keras"
    trials = tuned(task, cell, short, score, model)
    rate = max(trials, key=lambda trial: trial[score])["learning_rate"]
    seeds = []
    for seed in SEEDS:
        record = train(task, model, RecurrentOptions(cell=cell), epochs=epochs, learning_rate=rate, seed=seed)
        accuracy = export(model, folder / "build", Options(Widths(8))).json("accuracy.json")
        seeds.append({"seed": seed, **{form: accuracy[form][score] for form in ("float", "quantized")}})
    return {
        "task": task.name,
        "cell": cell,
        "units": record["units"],
        "parameters": record["parameters"],
        "trial_epochs": short,
        "epochs": epochs,
        "score": score,
        "trials": trials,
        "learning_rate": rate,
        "seeds": seeds,
    }


def main() -> None:
    rows = kept("cell_accuracy")
    for name in CHOSEN:
        for cell in CELLS:
            if (name, cell) in {(row["task"], row["cell"]) for row in rows}:
                continue
            with tempfile.TemporaryDirectory() as folder:
                rows.append(measure(SEQUENCE_TASKS[name], cell, Path(folder)))
            print(rows[-1], flush=True)
            save("cell_accuracy", {"bits": 8, "rates": RATES, "rows": rows})


if __name__ == "__main__":
    main()

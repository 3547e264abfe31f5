"""What centered states bring, and what they cost: from the same beginnings with and without.

The paper's tasks have their own comparison (``ffhw compare``); these are the others, at their own settings. Of the
classifiers each float network is quantized as well, and trained on integers of few bits. Run from the repository:
``python benchmarks/centered.py [TASK...]`` (a few minutes a task); what ``centered.json`` holds already is not trained
again.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import sys
import tempfile
from pathlib import Path
from typing import Any

from common import kept, save
from few_bits import stages_of

from ffhw.numbers.scales import Widths
from ffhw.training.networks.options import RecurrentOptions
from ffhw.training.tasks import TASKS
from ffhw.training.tasks.sequence import SequenceTask
from ffhw.training.train import train

SEEDS = (1, 2, 3)
CHOSEN = ("japanese-vowels", "pen-digits", "basic-motions", "perceptual-decision")
# four bits of inputs where weights and states have fewer
WIDTHS = (Widths(8), Widths(4), Widths(4, 2, 2), Widths(4, "ternary", 1))


def measure(task: SequenceTask, centered: bool, seed: int, folder: Path) -> dict[str, Any]:
    """The float network's figures; a classifier's also at few bits."""
    options, model = RecurrentOptions(centered=centered), folder / "m.keras"
    record = train(task, model, options, seed=seed)
    # of a third of the epochs as well: how soon it learns
    loss = record["history"]["loss"]
    found = {"judged_by": task.judged_by, "test": record["test"], "early_loss": loss[len(loss) // 3]}
    if not task.softmax:
        return found
    names = ("quantized_only", "test")
    stages = stages_of(task, model, options, seed, WIDTHS)
    rows = [{**stage["widths"], **{name: stage[name][task.judged_by] for name in names}} for stage in stages]
    return {**found, "few_bits": rows}


def main() -> None:
    rows = kept("centered")
    for name in sys.argv[1:] or CHOSEN:
        for seed in SEEDS:
            for centered in (False, True):
                about = {"task": name, "centered": centered, "seed": seed}
                if any(about.items() <= row.items() for row in rows):
                    continue
                with tempfile.TemporaryDirectory() as folder:
                    rows.append({**about, **measure(TASKS[name], centered, seed, Path(folder))})
                print(rows[-1], flush=True)
                save("centered", {"rows": rows})


if __name__ == "__main__":
    main()

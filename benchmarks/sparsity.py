"""Sparsity in time and in weights: what a penalty on changes of states and pruning leave, and what they cost.

JapaneseVowels as it is; the 3-bit memory with a fifth of its data and half of its epochs, so that all takes minutes.
Scores and shares of integers are those of the golden model at 8 bits. Run from the repository:
``python benchmarks/sparsity.py [TASK...]`` (ten minutes on a core); what ``sparsity.json`` holds already is not trained
again.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import dataclasses
import sys
import tempfile
from pathlib import Path
from typing import Any

from common import kept, save

from ffhw.export import Options, read_and_quantize
from ffhw.model.compare import compare
from ffhw.model.sparsity import sparsity
from ffhw.numbers.scales import Widths
from ffhw.training.networks.options import RecurrentOptions
from ffhw.training.tasks import TASKS, SequenceTask, TaskData
from ffhw.training.train import train

SEEDS = (1, 2)
BITS = 8
# of changes of states: of a loss that is a cross entropy, and of one that is a mean square
PENALTIES = {"japanese-vowels": (1.0, 10.0), "flipflop3": (0.1, 1.0)}
SHARES = (0.5, 0.8, 0.9)
SAMPLES, EPOCHS = 2000, 15


def shorter(task: SequenceTask) -> SequenceTask:
    """The task with less of what is generated."""

    def few(seed: int) -> TaskData:
        whole = task.load(seed)
        return dataclasses.replace(whole, x=whole.x[:SAMPLES], y=whole.y[:SAMPLES])

    return dataclasses.replace(task, load=few, epochs=EPOCHS)


CHOSEN = {"japanese-vowels": TASKS["japanese-vowels"], "flipflop3": shorter(TASKS["flipflop3"])}  # type: ignore[arg-type]


def sets(name: str) -> list[tuple[float, float]]:
    """Penalty and share of each training: one of both, and both together."""
    weak, strong = PENALTIES[name]
    return [(0.0, 0.0), (weak, 0.0), (strong, 0.0), *((0.0, share) for share in SHARES), (strong, 0.8)]


def measure(name: str, penalty: float, prune: float, seed: int, folder: Path) -> dict[str, Any]:
    task, model = CHOSEN[name], folder / "m.keras"
    record = train(task, model, RecurrentOptions(hold_penalty=penalty), prune=prune, seed=seed)
    found = read_and_quantize(model, Options(Widths(BITS)))
    scores = compare(found.trained, found.network, found.data)
    return {
        "task": name,
        "seed": seed,
        "hold_penalty": penalty,
        "prune": prune,
        "judged_by": task.judged_by,
        "float": scores["float"][task.judged_by],
        "quantized": scores["quantized"][task.judged_by],
        **sparsity(found.trained, found.network, found.data.head(256)),
        "seconds": record["train_seconds"],
    }


def main() -> None:
    rows = kept("sparsity")
    for seed in SEEDS:
        for name in sys.argv[1:] or CHOSEN:
            for penalty, prune in sets(name):
                key = (name, seed, penalty, prune)
                if key in {(row["task"], row["seed"], row["hold_penalty"], row["prune"]) for row in rows}:
                    continue
                with tempfile.TemporaryDirectory() as folder:
                    rows.append(measure(name, penalty, prune, seed, Path(folder)))
                print(rows[-1], flush=True)
                save("sparsity", {"bits": BITS, "rows": rows})


if __name__ == "__main__":
    main()

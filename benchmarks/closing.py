"""Gates that close, on other tasks: scores, and states that a step leaves unchanged, beside gates of the sigmoid.

Each task at its own settings; in floats, and quantized after training. Run from the repository:
``python benchmarks/closing.py [TASK...]`` (half an hour, with KERAS_BACKEND=jax less); what ``closing.json`` holds
already is not trained again.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import itertools
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
from ffhw.training.tasks import TASKS
from ffhw.training.train import train

SEEDS = (1, 2, 3)
BITS = (8, 4)
# of changes of states: of a loss that is a cross entropy, and of one that is a mean square
PENALTIES = {"japanese-vowels": 10.0, "pen-digits": 10.0, "perceptual-decision": 1.0}
SEQUENCES = 256  # whose states are looked at


def measure(name: str, closing: bool, penalty: float, seed: int, model: Path) -> dict[str, Any]:
    task = TASKS[name]
    record = train(task, model, RecurrentOptions(closing=closing, hold_penalty=penalty), seed=seed)
    row: dict[str, Any] = {"task": name, "closing": closing, "hold_penalty": penalty, "seed": seed}
    row["judged_by"] = task.judged_by
    for bits in BITS:
        found = read_and_quantize(model, Options(Widths(bits)))
        scores = compare(found.trained, found.network, found.data)
        row["float"] = scores["float"][task.judged_by]
        row[f"{bits} bits"] = scores["quantized"][task.judged_by]
        still = sparsity(found.trained, found.network, found.data.head(SEQUENCES))["unchanged_states"]
        row |= {"unchanged float": still["float"], f"unchanged {bits} bits": still["codes"]}
    return {**row, "seconds": record["train_seconds"]}


def main() -> None:
    rows = kept("closing")
    for name in sys.argv[1:] or PENALTIES:
        for seed in SEEDS:
            for closing, penalty in itertools.product((False, True), (0.0, PENALTIES[name])):
                key = (name, closing, penalty, seed)
                if key in {(row["task"], row["closing"], row["hold_penalty"], row["seed"]) for row in rows}:
                    continue
                with tempfile.TemporaryDirectory() as folder:
                    rows.append(measure(name, closing, penalty, seed, Path(folder) / "m.keras"))
                print(rows[-1], flush=True)
                save("closing", {"rows": rows})


if __name__ == "__main__":
    main()

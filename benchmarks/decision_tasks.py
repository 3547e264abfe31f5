"""Do the decision and working-memory tasks train, with flip-flop neurons and with another cell?

Every task at its own settings, 32 units, seed 1, scored on 1,000 fresh trials at every step of the response. Beside
each the accuracy of an ideal observer, who knows the task and sees the same noise.

Run from the repository: ``python benchmarks/decision_tasks.py``.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import tempfile
from pathlib import Path

import numpy as np
from common import save

from ffhw.training.networks.options import RecurrentOptions
from ffhw.training.tasks import TASKS
from ffhw.training.tasks.decisions import ContextDecision, PerceptualDecision
from ffhw.training.train import train

NAMES = ("perceptual-decision", "context-decision", "delayed-match", "parametric-memory")
CELLS = ("jk", "gru")


def ideal_observer(name: str, seed: int) -> float | None:
    """Share of the same test trials that the sum of the relevant evidence decides rightly; None without such noise."""
    generator = TASKS[name].generator
    if not isinstance(generator, PerceptualDecision | ContextDecision):
        return None
    x, y = generator.generate(1_000, seed + 1_000_003)
    steps = slice(round(generator.fixation_ms / generator.dt_ms), -round(generator.response_ms / generator.dt_ms))
    evidence = x[:, steps].sum(axis=1)
    relevant = np.zeros(len(x), int) if x.shape[2] == 1 else x[:, 0, 2:].argmax(axis=1)
    return float((np.sign(evidence[np.arange(len(x)), relevant]) == y[:, -1, 0]).mean())


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in NAMES:
            for cell in CELLS:
                record = train(TASKS[name], Path(folder) / "m.keras", RecurrentOptions(cell))
                kept = ("task", "cell", "units", "parameters", "seed", "epochs", "learning_rate", "train_seconds")
                rows.append({**{key: record[key] for key in kept}, **record["test"]})
                rows[-1]["ideal_observer"] = ideal_observer(name, seed=1)
                print(rows[-1], flush=True)
    save("decision_tasks", {"rows": rows})


if __name__ == "__main__":
    main()

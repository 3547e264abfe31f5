"""What centered states bring: tasks at their own settings, from the same beginnings with and without.

The paper's tasks have their own comparison (``ffhw compare``); these are the others, whose flip-flops are plain unless
``ffhw train --centered`` asks. Run from the repository: ``python benchmarks/centered.py [TASK...]`` (a few minutes a
task); what ``centered.json`` holds already is not trained again.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import json
import sys
import tempfile
from pathlib import Path

from common import HERE, save

from ffhw.training.networks.options import RecurrentOptions
from ffhw.training.tasks import TASKS
from ffhw.training.train import train

SEEDS = (1, 2, 3)
CHOSEN = ("japanese-vowels", "pen-digits", "basic-motions", "perceptual-decision", "context-decision")


def main() -> None:
    path = HERE / "centered.json"
    rows = json.loads(path.read_text())["rows"] if path.exists() else []
    for name in sys.argv[1:] or CHOSEN:
        task = TASKS[name]
        for centered in (False, True):
            for seed in SEEDS:
                about = {"task": name, "centered": centered, "seed": seed}
                if any(about.items() <= row.items() for row in rows):
                    continue
                with tempfile.TemporaryDirectory() as folder:
                    record = train(task, Path(folder) / "m.keras", RecurrentOptions(centered=centered), seed=seed)
                # of a third of the epochs as well: how soon it learns
                early = record["history"]["loss"][len(record["history"]["loss"]) // 3]
                rows.append({**about, "judged_by": task.judged_by, "test": record["test"], "early_loss": early})
                print(rows[-1], flush=True)
                save("centered", {"rows": rows})


if __name__ == "__main__":
    main()

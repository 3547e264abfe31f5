"""What each cell learns: JapaneseVowels, three seeds each, every cell with the task's own settings and 32 units.

No cell is tuned: learning rate, epochs and initial biases (of memories, where a cell has gates) are the task's. Each
model is exported at 8 bits as well. Run from the repository: ``python benchmarks/cell_accuracy.py`` (half an hour).
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import tempfile
from pathlib import Path

from common import save

from ffhw.export import Options, export
from ffhw.numbers.scales import Widths
from ffhw.training.models import RecurrentOptions
from ffhw.training.tasks import TASKS
from ffhw.training.train import train

TASK, SEEDS = "japanese-vowels", (1, 2, 3)
CELLS = ("jk", "sr", "toggle", "rnn", "gru", "lstm")


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory() as name:
        model = Path(name) / "m.keras"
        for cell in CELLS:
            seeds = []
            for seed in SEEDS:
                record = train(TASKS[TASK], model, RecurrentOptions(cell=cell), seed=seed)
                accuracy = export(model, Path(name) / "build", Options(Widths(8))).json("accuracy.json")
                scores = {form: accuracy[form]["accuracy"] for form in ("float", "quantized")}
                seeds.append({"seed": seed, **scores})
                print(cell, record["parameters"], seeds[-1], flush=True)
            rows.append({"cell": cell, "units": record["units"], "parameters": record["parameters"], "seeds": seeds})
            save("cell_accuracy", {"task": TASK, "bits": 8, "rows": rows})


if __name__ == "__main__":
    main()

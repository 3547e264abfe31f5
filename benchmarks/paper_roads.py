"""The paper's tasks whose networks fit hardware, down the whole road: trained quick, at 8 bits, all codes simulated.

Scores are those of the test split that `ffhw train` leaves beside the model, in floats and of the golden model; the
simulation compares every code of every sequence. Run from the repository: ``python benchmarks/paper_roads.py FOLDER``
(ten minutes a task on two cores); a model that `ffhw train` left in FOLDER is not trained again.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from common import kept, save

from ffhw.export import Options, export
from ffhw.hdl.plan.performance import predict
from ffhw.numbers.scales import Widths
from ffhw.sim.check import Check, simulate

TASKS = ("signal", "sentiment", "text")
BITS, LANES = 8, 4


def road(task: str, models: Path, folder: Path) -> dict[str, Any]:
    """One task: scores and what was simulated."""
    model = models / f"{task}.keras"
    if not model.exists():
        subprocess.run([sys.executable, "-m", "ffhw", "train", task, "-o", model], check=True)
    record = json.loads(model.with_suffix(".json").read_text())
    bundle = export(model, folder / task, Options(Widths(BITS), lanes=LANES), step=print)
    simulated = simulate(bundle.path, Check(every=True), print)
    accuracy = bundle.json("accuracy.json")
    return {
        "task": task,
        "parameters": record["parameters"],
        "baseline": record.get("baseline"),
        "scores": {form: accuracy[form] for form in ("float", "quantized")},
        "cycles_per_step": predict(bundle.network(), bundle.foldings()).cycles_per_step,
        "simulated": {name: simulated[name] for name in ("sequences", "compared", "cycles")},
    }


def main() -> None:
    rows = kept("paper_roads")
    for task in TASKS:
        if task in {row["task"] for row in rows}:
            continue
        with tempfile.TemporaryDirectory() as folder:
            rows.append(road(task, Path(sys.argv[1]), Path(folder)))
        print(rows[-1], flush=True)
        save("paper_roads", {"bits": BITS, "lanes": LANES, "rows": rows})


if __name__ == "__main__":
    main()

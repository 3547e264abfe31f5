"""Digital flip-flops that learn: sequential logic with states of one bit and weights of few codes.

Each is trained in floats and then on integers (``ffhw train TASK --qat --bits 4 --state-bits 1``), and judged on
streams twice as long as those that it was trained on. Run from the repository: ``python benchmarks/one_bit.py
[TASK...]`` (an hour); what ``one_bit.json`` holds already is not trained again.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from common import HERE, save

from ffhw.numbers.scales import Widths
from ffhw.training.networks.options import RecurrentOptions
from ffhw.training.qat.train import Stages
from ffhw.training.tasks import TASKS, logic
from ffhw.training.train import train

SEEDS = (1, 2, 3)
WEIGHTS: tuple[Any, ...] = (3, 2, "ternary")
EPOCHS = 60  # on integers


def measure(name: str, weights: Any, seed: int, folder: Path) -> dict[str, Any]:
    """One network, in floats and on integers."""
    widths = Widths(4, weight_bits=weights, state_bits=1)
    stages = Stages.towards(widths, epochs=EPOCHS)
    record = train(TASKS[name], folder / "m.keras", RecurrentOptions(), seed=seed, stages=stages)
    (stage,) = record["qat"]
    return {
        "task": name,
        "weights": weights,
        "seed": seed,
        "units": record["units"],
        "float": record["float_test"]["sign_accuracy"],
        "quantized_only": stage["quantized_only"]["sign_accuracy"],
        "test": record["test"]["sign_accuracy"],
    }


def main() -> None:
    path = HERE / "one_bit.json"
    rows = json.loads(path.read_text())["rows"] if path.exists() else []
    have = {(row["task"], row["weights"], row["seed"]) for row in rows}
    for seed in SEEDS:
        for name in sys.argv[1:] or [task.name for task in logic.TASKS]:
            for weights in WEIGHTS:
                if (name, weights, seed) in have:
                    continue
                with tempfile.TemporaryDirectory() as folder:
                    rows.append(measure(name, weights, seed, Path(folder)))
                print(rows[-1], flush=True)
                save("one_bit", {"state_bits": 1, "epochs": EPOCHS, "rows": rows})


if __name__ == "__main__":
    main()

"""Digital flip-flops that learn: sequential logic with states of one bit and weights of few codes.

Each is trained in floats and then on integers in stages, states of one bit in all (``ffhw train TASK --qat --bits 2
--weight-bits ternary --state-bits 1 --through 8,4,3,2 --qat-epochs 60``), and judged on streams twice as long as those
that it was trained on. Some once more without stages, for as many epochs as it takes to three bits with them. Run from
the repository: ``python benchmarks/one_bit.py [TASK...]`` (an hour); what
``one_bit.json`` holds already is not trained again.
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

from ffhw.numbers.scales import Widths
from ffhw.training.networks.options import RecurrentOptions
from ffhw.training.qat.train import Stages
from ffhw.training.tasks import TASKS, logic
from ffhw.training.train import train

SEEDS = (1, 2)
EPOCHS = 60  # of a stage
STAGES = Stages.towards(Widths(2, weight_bits="ternary", state_bits=1), (8, 4, 3, 2), epochs=EPOCHS)
AT_ONCE = Stages.towards(Widths(3, state_bits=1), epochs=3 * EPOCHS)
TRAINED_AT_ONCE = ("counter", "adder")


def measure(name: str, seed: int, stages: Stages, folder: Path) -> list[dict[str, Any]]:
    """One network, in floats and after each stage."""
    record = train(TASKS[name], folder / "m.keras", RecurrentOptions(), seed=seed, stages=stages)
    about = {"task": name, "seed": seed, "units": record["units"], "float": record["float_test"]["sign_accuracy"]}
    about["at_once"] = stages is AT_ONCE
    return [
        {
            **about,
            "weights": stage["widths"]["weight_bits"],
            "quantized_only": stage["quantized_only"]["sign_accuracy"],
            "test": stage["test"]["sign_accuracy"],
            "learning_rate": stage["learning_rate"],
        }
        for stage in record["qat"]
    ]


def main() -> None:
    rows = kept("one_bit")
    names = sys.argv[1:] or [task.name for task in logic.TASKS]
    wanted = [(name, STAGES) for name in names] + [(name, AT_ONCE) for name in names if name in TRAINED_AT_ONCE]
    for seed in SEEDS:
        for name, stages in wanted:
            if (name, seed, stages is AT_ONCE) in {(row["task"], row["seed"], row["at_once"]) for row in rows}:
                continue
            with tempfile.TemporaryDirectory() as folder:
                found = measure(name, seed, stages, Path(folder))
            print(*found, sep="\n", flush=True)
            rows += found
            save("one_bit", {"state_bits": 1, "epochs": EPOCHS, "rows": rows})


if __name__ == "__main__":
    main()

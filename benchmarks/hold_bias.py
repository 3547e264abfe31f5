"""Does starting JK gates with HoldBias pay? Both examples, three seeds each, against zero biases.

Everything else is equal; only the initial biases differ. Run from the repository: ``python benchmarks/hold_bias.py``.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import tempfile
from pathlib import Path

from common import save

from ffhw.training.networks.options import RecurrentOptions
from ffhw.training.tasks import TASKS
from ffhw.training.train import train

SEEDS = (1, 2, 3)
# a third of the tasks' own epochs shows the difference
EPOCHS = {"flipflop3": 10, "japanese-vowels": 30}


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory() as name:
        for task, epochs in EPOCHS.items():
            for hold_bias in (False, True):
                tests = []
                for seed in SEEDS:
                    options = RecurrentOptions(hold_bias=hold_bias)
                    record = train(TASKS[task], Path(name) / "m.keras", options, epochs=epochs, seed=seed)
                    tests.append(record["test"])
                    print(task, "HoldBias" if hold_bias else "zeros", seed, record["test"], flush=True)
                rows.append({"task": task, "epochs": epochs, "hold_bias": hold_bias, "seeds": SEEDS, "test": tests})
    save("hold_bias", {"rows": rows})


if __name__ == "__main__":
    main()

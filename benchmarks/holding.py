"""What in training makes the 3-bit memory hold: what is trained on, a penalty on change, or another network.

Each network is trained in floats for as many epochs as the others, tested on the task's own data, and then left alone:
in silence, and in the task's noise. Run from the repository: ``python benchmarks/holding.py`` (an hour); what
``holding.json`` holds already is not trained again.
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

from ffhw.training.analysis.dynamics import read_dynamics
from ffhw.training.analysis.holding import long_holds, silent_holds
from ffhw.training.networks.options import RecurrentOptions
from ffhw.training.tasks.flipflop import FlipFlopTask, flipflop, loader
from ffhw.training.train import train

EPOCHS = 20
TASK = FlipFlopTask()
INPUTS_ONLY = RecurrentOptions(recurrent_gates=False)
PLAIN, CLOSING = "as the task has it", "gates that close"
SEEDS = {PLAIN: (1, 2, 3), CLOSING: (1, 2, 3)}  # one of the others
# what is trained on, and how the network differs
VARIANTS: dict[str, tuple[FlipFlopTask, RecurrentOptions]] = {
    PLAIN: (TASK, RecurrentOptions()),
    "gaps of up to 320 ms": (dataclasses.replace(TASK, interval_ms=(40.0, 320.0)), RecurrentOptions()),
    "three times the noise": (dataclasses.replace(TASK, noise=0.3), RecurrentOptions()),
    "hold penalty 1": (TASK, RecurrentOptions(hold_penalty=1.0)),
    CLOSING: (TASK, RecurrentOptions(closing=True)),
    f"{CLOSING}, centered states": (TASK, RecurrentOptions(closing=True, centered=True)),
    f"{CLOSING}, of the inputs only": (TASK, dataclasses.replace(INPUTS_ONLY, closing=True)),
    f"{CLOSING}, of the inputs only, hold penalty 1": (
        TASK,
        dataclasses.replace(INPUTS_ONLY, closing=True, hold_penalty=1.0),
    ),
    "centered states": (TASK, RecurrentOptions(centered=True)),
    "gates of the inputs only": (TASK, INPUTS_ONLY),
    "gates of the inputs only, hold penalty 1": (TASK, dataclasses.replace(INPUTS_ONLY, hold_penalty=1.0)),
}
FACTORS = (10, 100, 1_000)  # training lengths of noise
SILENT_STEPS = 1_000_000


def measure(data: FlipFlopTask, options: RecurrentOptions, seed: int, model: Path) -> dict[str, Any]:
    """One network: the signs it has right, and how long it holds."""
    task = dataclasses.replace(flipflop(TASK.channels), load=loader(data, TASK))
    record = train(task, model, options, epochs=EPOCHS, seed=seed)
    system = read_dynamics(model)
    silence = silent_holds(system, TASK, SILENT_STEPS, seed)
    return {
        "signs_right": record["test"]["sign_accuracy"],
        "silence": {key: silence[key] for key in ("watched", "for_ever", "memories_kept", "lost_at")},
        "noise": long_holds(system, TASK, FACTORS, repeats=4, seed=seed),
    }


def main() -> None:
    import keras

    rows = kept("holding")
    for name in sys.argv[1:] or VARIANTS:
        for seed in SEEDS.get(name, (1,)):
            if (name, seed) in {(row["trained"], row["seed"]) for row in rows}:
                continue
            with tempfile.TemporaryDirectory() as folder:
                found = measure(*VARIANTS[name], seed, Path(folder) / "memory.keras")
            rows.append({"trained": name, "seed": seed, "backend": keras.backend.backend(), **found})
            print(rows[-1], flush=True)
            save("holding", {"epochs": EPOCHS, "rows": rows})


if __name__ == "__main__":
    main()

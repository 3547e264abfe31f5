"""The 3-bit memory at few bits: gates that see the inputs only, trained on integers, and how long they hold.

For each seed three trainings of ``ffhw train flipflop3 --no-recurrent-gates --qat``: four bits in all, and, by smaller
batches, in stages down to weights of two bits, with states of two and of one. The first and the last of the first seed
are then left alone, with noise and without. Run from the repository: ``python benchmarks/memory_at_few_bits.py
[RUN...]`` (half an hour a seed; runs are ``four``, ``two`` and ``one``); what ``memory_at_few_bits.json`` holds already
is not trained again.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from common import kept, save

from ffhw.model.quantize import quantize
from ffhw.numbers.scales import Widths
from ffhw.reading.keras_model import read_model
from ffhw.training.analysis.dynamics import QuantizedDynamics
from ffhw.training.analysis.holding import long_holds, silent_holds
from ffhw.training.networks.options import RecurrentOptions
from ffhw.training.qat.train import Stages
from ffhw.training.tasks import TASKS
from ffhw.training.tasks.flipflop import FlipFlopTask
from ffhw.training.train import train

SEEDS = (1, 2, 3)


class Run(NamedTuple):
    """A training: its stages, epochs in floats, and examples of an update."""

    stages: Stages
    epochs: int
    batch_size: int


RUNS = {
    "four": Run(Stages.towards(Widths(4)), 12, 128),
    "two": Run(Stages.towards(Widths(2, input_bits=8), (4, 3), 3), 3, 32),
    "one": Run(Stages.towards(Widths(2, state_bits=1, input_bits=8), (4, 3), 3), 3, 32),
}
HELD = (("four", 1), ("one", 1))
FACTORS = (10, 100, 1_000, 10_000)  # training lengths of noise
THRESHOLD = 0.55  # of a pulse's height


def trained(name: str, seed: int, model: Path) -> list[dict[str, Any]]:
    """A row for each stage."""
    stages, epochs, batch = RUNS[name]
    options, task = RecurrentOptions(recurrent_gates=False), TASKS["flipflop3"]
    record = train(task, model, options, epochs=epochs, batch_size=batch, seed=seed, stages=stages)
    rows = []
    for stage in record["qat"]:
        scores = {key: stage[key]["sign_accuracy"] for key in ("quantized_only", "test")}
        about = {"run": name, "seed": seed, "float": record["float_test"]["sign_accuracy"]}
        about |= {"parameters": record["parameters"], "batch_size": batch}
        rows.append(
            {**about, **stage["widths"], **scores, "epochs": stage["epochs"], "learning_rate": stage["learning_rate"]}
        )
    return rows


def held(model: Path, seed: int) -> dict[str, Any]:
    """What the integer network keeps through noise, and in silence."""
    task = FlipFlopTask()
    x, _ = task.generate(64, seed)
    system = QuantizedDynamics(quantize(read_model(model), x.astype(np.float64), np.full(len(x), task.steps)))
    noise = long_holds(system, task, FACTORS, repeats=4, seed=seed)
    silence = silent_holds(system, task, 100_000, seed)
    return {
        "noise": noise,
        "threshold": lost_by_a_threshold(THRESHOLD, seed),
        "silence": {key: silence[key] for key in ("for_ever", "memories_kept", "lost_at", "outputs")},
    }


def lost_by_a_threshold(height: float, seed: int) -> dict[str, Any]:
    """What a memory would lose to the noise of :func:`held` that took each sample beyond ``height`` for a pulse."""
    task = FlipFlopTask()

    class Threshold:
        """A system whose states are its outputs: the sign of the last sample beyond the height."""

        def run(self, x: Any, start: Any = None) -> tuple[Any, Any]:
            state = np.zeros((len(x), task.channels)) if start is None else start
            beyond, states = np.abs(x) > height, np.empty_like(x)
            for step in range(x.shape[1]):
                states[:, step] = state = np.where(beyond[:, step], np.sign(x[:, step]), state)
            return states, states

    noise = long_holds(Threshold(), task, FACTORS, repeats=4, seed=seed)  # type: ignore[arg-type]
    return {"height": height, **noise}


def main() -> None:
    rows = kept("memory_at_few_bits")
    for name in sys.argv[1:] or RUNS:
        for seed in SEEDS:
            if (name, seed) in {(row["run"], row["seed"]) for row in rows}:
                continue
            with tempfile.TemporaryDirectory() as folder:
                model = Path(folder) / "memory.keras"
                found = trained(name, seed, model)
                if (name, seed) in HELD:
                    found[-1]["held"] = held(model, seed)
            print(*found, sep="\n", flush=True)
            rows += found
            save("memory_at_few_bits", {"rows": rows})


if __name__ == "__main__":
    main()

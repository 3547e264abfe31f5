"""The cube of memories at 8, 4, 2 and 1 bits, trained on integers at each: the laboratory's picture, drawn again.

Trainings of ``ffhw train flipflop3 --no-recurrent-gates --qat``, seed 1: at 8 and 4 bits; by smaller batches of 2
bits by stages, inputs of eight, and states of one bit behind weights of three. Run from the repository: ``python
benchmarks/memory_cubes.py`` (half an hour); it writes ``memory_cubes.json`` and docs/laboratory/trained-bits.svg.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from common import HERE, save
from memory_at_few_bits import Run

from ffhw.files import write_atomic
from ffhw.model.quantize import quantize
from ffhw.numbers.scales import Widths
from ffhw.reading.keras_model import read_model
from ffhw.report import memory_figures
from ffhw.report.style import styled, svg
from ffhw.training.analysis import probe as probes
from ffhw.training.analysis.activity import activity
from ffhw.training.analysis.dynamics import QuantizedDynamics, respond
from ffhw.training.analysis.holding import silent_holds
from ffhw.training.analysis.scores import error_norms
from ffhw.training.networks.options import RecurrentOptions
from ffhw.training.qat.train import Stages
from ffhw.training.tasks import TASKS
from ffhw.training.tasks.flipflop import FlipFlopTask
from ffhw.training.train import train

SEED, SAMPLES, STEPS = 1, 128, 100_000
RUNS = {
    "8 bits": Run(Stages.towards(Widths(8)), 12, 128),
    "4 bits": Run(Stages.towards(Widths(4)), 12, 128),
    "2 bits": Run(Stages.towards(Widths(2, input_bits=8), (4, 3), 3), 3, 32),
    "1-bit states": Run(Stages.towards(Widths(3, state_bits=1, input_bits=8), (4,), 3), 3, 32),
}


def measure(name: str, folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is kept of one training, and its activity, which is drawn."""
    stages, epochs, batch = RUNS[name]
    model, options = folder / "memory.keras", RecurrentOptions(recurrent_gates=False)
    record = train(
        TASKS["flipflop3"], model, options, epochs=epochs, batch_size=batch, seed=SEED, stages=stages
    )  # fmt: skip
    task = FlipFlopTask()
    tested, shown = probes.probe(task, SAMPLES, SEED), probes.showcase(task, SEED)
    lengths = np.full(len(tested.x), tested.x.shape[1])
    system = QuantizedDynamics(quantize(read_model(model), tested.x, lengths))
    seen, silence = activity(system, tested, shown), silent_holds(system, task, STEPS, SEED)
    scores = error_norms(respond(system, tested.x), tested)
    kept = {
        "name": name,
        "widths": record["qat"][-1]["widths"],
        "float": record["float_test"]["sign_accuracy"],
        "sign_accuracy": scores["sign_accuracy"],
        "sequences": scores["success_rate"],
        "purity": seen["corners"]["purity"],
        "disparity": (seen["corners"]["cube"] or {}).get("disparity"),
        "memories_kept": silence["memories_kept"],
        "for_ever": silence["for_ever"],
    }
    return kept, seen


def main() -> None:
    rows, drawn = [], []
    for name in RUNS:
        with tempfile.TemporaryDirectory() as folder:
            kept, seen = measure(name, Path(folder))
        print(kept, flush=True)
        rows.append(kept)
        drawn.append((f"{name}: {kept['sign_accuracy']:.2%}", seen))
    with styled():
        picture = svg(memory_figures.cubes(drawn))
    write_atomic(HERE.parent / "docs" / "laboratory" / "trained-bits.svg", picture)
    save("memory_cubes", {"seed": SEED, "samples": SAMPLES, "steps": STEPS, "rows": rows})


if __name__ == "__main__":
    main()

"""The 3-bit memory at few bits, with every cell: trained in floats, then in stages of 4, 3 and 2 bits.

All networks have 32 units, the same epochs and batches, and two rates to choose from. ``memory_at_few_bits.py`` has
other trainings of the memory. Run from the repository: ``python benchmarks/memory_of_cells.py [NETWORK...]`` (hours);
what ``memory_of_cells.json`` holds already is not trained again.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from common import kept, save

from ffhw.numbers.scales import Widths
from ffhw.training.networks.options import RecurrentOptions
from ffhw.training.qat.train import Stages
from ffhw.training.tasks import TASKS
from ffhw.training.train import train

SEEDS = (1,)
NETWORKS = {
    "jk, inputs only": RecurrentOptions(recurrent_gates=False),
    **{cell: RecurrentOptions(cell) for cell in ("jk", "lstm", "gru", "rnn")},
}
RATES = (2e-2, 5e-3)
EPOCHS, BATCH = 3, 32
# An LSTM's c keeps eight bits, as in few_bits.py
STAGES = Stages.towards(Widths(2, input_bits=8, cell_bits=8), (4, 3), EPOCHS)


def measure(network: str, rate: float, seed: int) -> dict[str, Any]:
    """One training: what each stage has of the signs, before it trains and after."""
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        record = train(
            TASKS["flipflop3"],
            Path(folder) / "memory.keras",
            NETWORKS[network],
            epochs=EPOCHS,
            learning_rate=rate,
            batch_size=BATCH,
            seed=seed,
            stages=STAGES,
        )
    stages = [
        {
            **stage["widths"],
            "quantized_only": stage["quantized_only"]["sign_accuracy"],
            "test": stage["test"]["sign_accuracy"],
            "loss": min(stage["history"]["loss"]),
        }
        for stage in record["qat"]
    ]
    return {
        "network": network,
        "rate": rate,
        "seed": seed,
        "parameters": record["parameters"],
        "float": record["float_test"]["sign_accuracy"],
        "stages": stages,
        "seconds": round(time.perf_counter() - begun),
    }


def main() -> None:
    rows = kept("memory_of_cells")
    for seed in SEEDS:
        for network in sys.argv[1:] or NETWORKS:
            for rate in RATES:
                if (network, rate, seed) in {(row["network"], row["rate"], row["seed"]) for row in rows}:
                    continue
                rows.append(measure(network, rate, seed))
                print(rows[-1], flush=True)
                save("memory_of_cells", {"epochs": EPOCHS, "batch_size": BATCH, "rows": rows})


if __name__ == "__main__":
    main()

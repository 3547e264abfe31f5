"""Time steps a second of each runtime, on one core: one JK layer at 8 bits, one sequence at a time and 1,024 together.

Run from the repository: ``python benchmarks/runtimes.py``. Five minutes. Every runtime's outputs are compared with the
golden model's before it is timed. Runs are interleaved, figures are medians of CPU time, so that ratios hold on a busy
machine where times do not.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import numpy as np
from common import save
from networks import random_network

from ffhw.backends.base import Backend
from ffhw.backends.run import RUNTIMES, check_equal, open_backend

# inputs, units, steps of a sequence
SIZES = ((6, 20, 20), (16, 64, 100))
BATCHES = (1, 1024)
ROUNDS = 5
SECONDS = 0.3


def steps_a_second(backend: Backend, codes: np.ndarray) -> float:
    """Steps of all sequences a second of CPU time, over a fraction of a second."""
    runs, begin = 0, time.process_time()
    while time.process_time() - begin < SECONDS:
        backend.run(codes)
        runs += 1
    return runs * codes.shape[0] * codes.shape[1] / (time.process_time() - begin)


def rows_of(inputs: int, units: int, steps: int, batch: int) -> list[dict[str, object]]:
    network = random_network(1, inputs=inputs, units=(units,), outputs=0, bits=8)
    codes = np.random.default_rng(1).integers(-128, 127, (batch, steps, inputs), endpoint=True)
    backends = {name: open_backend(name, network) for name in ("golden", *RUNTIMES)}
    expected = backends["golden"].run(codes).outputs
    for name, backend in backends.items():
        check_equal(name, backend.run(codes).outputs, expected)
    rounds = [{name: steps_a_second(backend, codes) for name, backend in backends.items()} for _ in range(ROUNDS)]
    found = {name: statistics.median(taken[name] for taken in rounds) for name in backends}
    return [
        {
            "inputs": inputs,
            "units": units,
            "steps": steps,
            "batch": batch,
            "backend": name,
            "steps_per_s": round(rate),
            "sequences_per_s": round(rate / steps),
            "times_golden": round(rate / found["golden"], 2),
        }
        for name, rate in found.items()
    ]


def one_core() -> None:
    """Begin again on one core, before any library counts them."""
    cores = os.sched_getaffinity(0)
    if len(cores) > 1:
        os.sched_setaffinity(0, {min(cores)})
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
        os.execv(sys.executable, [sys.executable, *sys.argv])


def main() -> None:
    one_core()
    rows = []
    for size in SIZES:
        for batch in BATCHES:
            rows += rows_of(*size, batch)
            for row in rows[-1 - len(RUNTIMES) :]:
                print(row, flush=True)
    save("runtimes", {"cpu_seconds": SECONDS, "rounds": ROUNDS, "rows": rows})


if __name__ == "__main__":
    main()

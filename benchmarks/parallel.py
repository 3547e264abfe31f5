"""Gates that see the inputs only, which many steps at a time can go through: what they learn, how quick they are.

Learned, by one layer and a readout, each cell with the same trials: parity of 32 bits, tested on 4,096; three signs,
shown in the first of 4,096 steps, asked for after the last; in floats, and quantized to 8 bits, calibrated on what was
trained on. minGRU (Feng et al. 2024) is h_t = (1 - z_t) h_{t-1} + z_t W x_t, whose coefficient is never negative: it
cannot toggle. Quick: a training step and inference of 4,096 steps, medians of runs that take turns.

Run from the repository: ``python benchmarks/parallel.py`` (an hour); what ``parallel.json`` holds already is not
learned again. ``--speed`` measures speed alone, on the runtime that ``KERAS_BACKEND`` names, and prints it.
"""

from __future__ import annotations

import os

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from common import kept, save
from keras import ops

from ffhw.model.golden import run
from ffhw.model.quantize import quantize
from ffhw.numbers.scales import Widths
from ffhw.reading.model_file import read_model
from ffhw.training.layers.chrono import ChronoBias
from ffhw.training.layers.hold_bias import HoldBias
from ffhw.training.layers.jk import JK
from ffhw.training.layers.parallel import linear_states
from ffhw.training.tasks import logic

LONG = 4096
SEEDS, RATES = (1, 2, 3), (0.003, 0.01, 0.03)
BACKENDS = ("tensorflow", "jax")
SHAPES = ((1, 8, 64), (32, 8, 64))  # batch, inputs, units
RUNS = 7


class MinGRU(keras.Layer):
    """h_t = (1 - z_t) h_{t-1} + z_t W x_t, z_t = sigmoid(V x_t + b), all steps at a time."""

    def __init__(self, units: int, longest: float, every: bool) -> None:
        super().__init__()
        self.every = every
        # z = 1 / T forgets within T steps, as HoldBias and ChronoBias have it
        times = np.exp(np.linspace(math.log(2.0), math.log(longest), units))
        bias = keras.initializers.Constant(np.concatenate([-np.log(times - 1), np.zeros(units)]))
        self.gates = keras.layers.Dense(2 * units, bias_initializer=bias)

    def call(self, x: Any) -> Any:
        """States ``[batch, time, units]``, or the last one ``[batch, units]``."""
        z, candidate = ops.split(self.gates(ops.transpose(x, (1, 0, 2))), 2, axis=-1)
        z = ops.sigmoid(z)
        states = linear_states(z * candidate, 1 - z, ops.zeros_like(z[0]))
        return ops.transpose(states, (1, 0, 2)) if self.every else states[-1]


# From units, the longest time that a fresh one holds, and whether every step is answered, to a layer.
Cell = Callable[[int, float, bool], keras.Layer]


def _jk(**options: Any) -> Cell:
    return lambda units, longest, every: JK(
        units, bias_initializer=HoldBias(2.0, longest), return_sequences=every, **options
    )


CELLS: dict[str, Cell] = {
    "JK": _jk(),
    "JK, gates of the inputs only": _jk(recurrent_gates=False),
    "the same in parallel": _jk(recurrent_gates=False, implementation="parallel"),
    "minGRU": MinGRU,
    "LSTM": lambda units, longest, every: keras.layers.LSTM(
        units,
        bias_initializer=ChronoBias("lstm", 2.0, longest),
        unit_forget_bias=False,
        return_sequences=every,
    ),
}
LEARNING = ("JK", "JK, gates of the inputs only", "minGRU", "LSTM")


def parity(rng: np.random.Generator, samples: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Bits, and whether the number of ones so far is odd, -1 or 1, at every step."""
    x, odd = logic.parity(rng, samples, steps)
    return x.astype(np.float32), (2 * odd - 1).astype(np.float32)


def memory(rng: np.random.Generator, samples: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Three signs in the first step, which a fourth input marks; noise of spread 0.3 in others; asked at the end."""
    signs = rng.choice([-1.0, 1.0], (samples, 3))
    x = np.concatenate([rng.normal(0, 0.3, (samples, steps, 3)), np.zeros((samples, steps, 1))], axis=2)
    x[:, 0] = np.concatenate([signs, np.ones((samples, 1))], axis=1)
    return x.astype(np.float32), signs.astype(np.float32)


# task: data, its inputs and answers, units, steps in training and in the test, samples, epochs, longest time held
TASKS: dict[str, dict[str, Any]] = {
    "parity": {"data": parity, "sizes": (1, 1), "units": 16, "steps": (32, LONG), "samples": (2048, 64), "epochs": 60,
               "longest": 8.0},
    "memory": {"data": memory, "sizes": (4, 3), "units": 16, "steps": (LONG, LONG), "samples": (512, 256), "epochs": 30,
               "longest": 2.0 * LONG},
}  # fmt: skip


def train(task: dict[str, Any], cell: Cell, rate: float, seed: int) -> dict[str, Any]:
    """Loss on held-out data, and the share of signs that are right in the test."""
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    inputs, answers = task["sizes"]
    (steps, test_steps), (samples, tests) = task["steps"], task["samples"]
    x, y = task["data"](rng, samples, steps)
    held = task["data"](rng, samples // 4, steps)
    test = task["data"](rng, tests, test_steps)

    given = keras.Input((None, inputs))
    states = cell(task["units"], task["longest"], y.ndim == 3)(given)
    model = keras.Model(given, keras.layers.Dense(answers)(states))
    batch = 32
    schedule = keras.optimizers.schedules.CosineDecay(rate, task["epochs"] * samples // batch)
    model.compile(keras.optimizers.Adam(schedule, global_clipnorm=1.0), "mse")
    model.fit(x, y, batch_size=batch, epochs=task["epochs"], verbose=0)
    loss = float(model.evaluate(*held, batch_size=64, verbose=0))
    right = float(np.mean(np.sign(model.predict(test[0], batch_size=64, verbose=0)) == test[1]))
    return {"held_out_loss": loss, "signs_right": right, "signs_right_8_bits": integers(model, x, *test)}


def integers(model: keras.Model, x: np.ndarray, test: np.ndarray, expected: np.ndarray) -> float | None:
    """Share of signs that are right at 8 bits; None of a cell that has no hardware."""
    if any(isinstance(layer, MinGRU) for layer in model.layers):
        return None
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "m.keras")
        network = quantize(read_model(Path(folder) / "m.keras"), x[:64], widths=Widths(8))
    answers = network.decode(run(network, network.encode(test)).outputs)
    return float(np.mean(np.sign(answers) == expected))


def learned(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each task and cell that is not there yet: three rates with the first seed, then all seeds at the best."""
    for name, task in TASKS.items():
        for cell in LEARNING:
            if any((row["task"], row["cell"]) == (name, cell) for row in rows):
                continue
            trials = {rate: train(task, CELLS[cell], rate, SEEDS[0]) for rate in RATES}
            best = min(RATES, key=lambda rate: float(trials[rate]["held_out_loss"]))
            tests = [trials[best], *(train(task, CELLS[cell], best, seed) for seed in SEEDS[1:])]
            row = {"task": name, "cell": cell, "units": task["units"], "steps": task["steps"], "rate": best}
            row["losses_of_trials"] = [trials[rate]["held_out_loss"] for rate in RATES]
            row |= {what: [test[what] for test in tests] for what in ("signs_right", "signs_right_8_bits")}
            print(row, file=sys.stderr, flush=True)
            rows.append(row)
    return rows


def _timed(shape: tuple[int, int, int], cell: Cell) -> dict[str, Callable[[], None]]:
    """A training step and inference, ready to run; both have run once."""
    batch, inputs, units = shape
    rng = np.random.default_rng(1)
    x = rng.normal(size=(batch, LONG, inputs)).astype(np.float32)
    y = np.zeros((batch, LONG, units), np.float32)
    given = keras.Input((LONG, inputs), batch_size=batch)
    model = keras.Model(given, cell(units, 32.0, True)(given))
    # XLA is the slower one there, see float_layers.py
    model.compile("sgd", "mse", jit_compile=keras.backend.backend() == "jax")
    x, y = ops.convert_to_tensor(x), ops.convert_to_tensor(y)
    work = {"training": lambda: model.train_on_batch(x, y), "inference": lambda: model.predict_on_batch(x)}
    for call in work.values():
        call()
    return work


def speed() -> list[dict[str, Any]]:
    """Milliseconds of processor time of every cell on this backend."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    rows = []
    for shape in SHAPES:
        works = {name: _timed(shape, cell) for name, cell in CELLS.items()}
        times: dict[tuple[str, str], list[float]] = {}
        for _ in range(RUNS):
            for name, work in works.items():
                for what, call in work.items():
                    begin = time.process_time()
                    call()
                    times.setdefault((name, what), []).append(time.process_time() - begin)
        for name in CELLS:
            milliseconds = {what: 1e3 * statistics.median(times[name, what]) for what in ("training", "inference")}
            rows.append({"backend": keras.backend.backend(), "batch": shape[0], "inputs": shape[1], "units": shape[2],
                         "steps": LONG, "cell": name, **milliseconds})  # fmt: skip
            print(rows[-1], file=sys.stderr, flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speed", action="store_true", help="measure speed on one runtime, and print it")
    if parser.parse_args().speed:
        print(json.dumps(speed()))
        return
    rows = []
    for backend in BACKENDS:
        command = [sys.executable, str(Path(__file__)), "--speed"]
        done = subprocess.run(command, env={**os.environ, "KERAS_BACKEND": backend}, stdout=subprocess.PIPE, check=True)
        rows += json.loads(done.stdout.splitlines()[-1])
    have = kept("parallel", "learned")
    save("parallel", {"speed": rows, "learned": learned(have)})


if __name__ == "__main__":
    main()

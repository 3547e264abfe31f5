"""Milliseconds of a training step and of inference: a JK layer, the same cell in Keras' own loop, and Keras' LSTM.

On TensorFlow as a graph and compiled by XLA, and on JAX; one core, processor time, medians of runs that take turns.

    python benchmarks/float_layers.py        # writes benchmarks/float_layers.json; about ten minutes
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
# Batch, time steps, inputs, units.
SHAPES = {"small": (256, 300, 30, 10), "wide": (128, 350, 3, 400)}
ROUNDS = {"small": 15, "wide": 5}
# The compiled loops of other layers take many seconds a step at the wide shape.
RUNTIMES = ("tensorflow graph", "tensorflow xla", "jax")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worker", nargs=2, metavar=("SHAPE", "RUNTIME"), help=argparse.SUPPRESS)
    worker = parser.parse_args().worker
    if worker:
        print(json.dumps(measure(*worker)))
        return
    rows = []
    for shape in SHAPES:
        for runtime in RUNTIMES:
            backend = runtime.split()[0]
            environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", "JAX_PLATFORMS": "cpu"}
            command = [sys.executable, __file__, "--worker", shape, runtime]
            done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
            found = json.loads(done.stdout.splitlines()[-1])
            rows += [{"shape": shape, "runtime": runtime, **row} for row in found]
            for row in found:
                print(
                    f"{shape:6} {runtime:17} {row['layer']:16} {row['train_ms']:8.1f} {row['infer_ms']:8.1f}",
                    flush=True,
                )
    shapes = {
        name: dict(zip(("batch", "steps", "inputs", "units"), shape, strict=True)) for name, shape in SHAPES.items()
    }
    (HERE / "float_layers.json").write_text(json.dumps({"shapes": shapes, "rows": rows}, indent=2) + "\n")


def measure(shape: str, runtime: str) -> list[dict[str, Any]]:
    """Medians of each layer on one runtime."""
    # one core; libraries start as many threads as they find
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    import keras
    import numpy as np

    from ffhw.training.layers.jk import JK

    class StepByStep(JK):
        """The same cell in the loop that Keras has for any cell, differentiated by the backend."""

        def inner_loop(self, *given: Any, **options: Any) -> Any:
            return keras.layers.RNN.inner_loop(self, *given, **options)

    layers = {"JK": JK, "LSTM": keras.layers.LSTM}
    if (shape, runtime) != ("wide", "tensorflow xla"):
        layers["JK, Keras' loop"] = StepByStep
    batch, steps, inputs, units = SHAPES[shape]
    rng = np.random.default_rng(0)
    x = rng.normal(size=(batch, steps, inputs)).astype("float32")
    y = rng.normal(size=(batch, steps, units)).astype("float32")
    prepare = _jax if runtime == "jax" else _tensorflow
    pairs = {}
    for name, kind in layers.items():
        layer = kind(units, return_sequences=True)
        layer.build(x.shape)
        pairs[name] = prepare(layer, x, y, runtime)
    taken: dict[tuple[str, int], list[float]] = {}
    for round_ in range(ROUNDS[shape] + 1):
        for name, functions in pairs.items():
            for n, function in enumerate(functions):
                begin = time.process_time()
                function()
                if round_:  # the first one compiles
                    taken.setdefault((name, n), []).append(1e3 * (time.process_time() - begin))
    return [
        {"layer": name, "train_ms": statistics.median(taken[name, 0]), "infer_ms": statistics.median(taken[name, 1])}
        for name in layers
    ]


def _tensorflow(layer: Any, x: Any, y: Any, runtime: str) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """A step of gradient descent, and inference."""
    import tensorflow as tf

    x, y = tf.constant(x), tf.constant(y)

    @tf.function(jit_compile=runtime == "tensorflow xla")
    def train() -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((layer(x, training=True) - y) ** 2)
        variables = [weight.value for weight in layer.trainable_variables]
        for variable, slope in zip(variables, tape.gradient(loss, variables), strict=True):
            variable.assign_sub(1e-3 * slope)
        return loss

    infer = tf.function(lambda: layer(x), jit_compile=runtime == "tensorflow xla")
    return lambda: train().numpy(), lambda: infer().numpy()


def _jax(layer: Any, x: Any, y: Any, runtime: str) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """A step of gradient descent, and inference."""
    import jax

    x, y = jax.device_put(x), jax.device_put(y)
    state = [variable.value for variable in layer.non_trainable_variables]

    def answer(weights: Any, training: bool) -> Any:
        return layer.stateless_call(weights, state, x, training=training)[0]

    @jax.jit
    def train(weights: Any) -> Any:
        slopes = jax.grad(lambda weights: ((answer(weights, True) - y) ** 2).mean())(weights)
        return [weight - 1e-3 * slope for weight, slope in zip(weights, slopes, strict=True)]

    infer = jax.jit(lambda weights: answer(weights, False))
    weights = [variable.value for variable in layer.trainable_variables]
    return lambda: jax.block_until_ready(train(weights)), lambda: jax.block_until_ready(infer(weights))


if __name__ == "__main__":
    main()

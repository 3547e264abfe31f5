"""Milliseconds of a training step and of inference: JK layers, and the LSTMs that a user could take instead.

On TensorFlow as a graph and compiled by XLA, and on JAX; LSTMs of PyTorch and ONNX Runtime (inference) where these are
installed; the convolutional cell beside Keras' ConvLSTM2D. One core, processor time, medians of runs that take turns.

    python benchmarks/float_layers.py        # writes benchmarks/float_layers.json; six minutes
"""

from __future__ import annotations

import argparse
import importlib.util
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
# Sequences, time steps, inputs, units; of the maps: height and width, and maps for units.
SHAPES = {"small": (256, 300, 30, 10), "wide": (128, 350, 3, 400)}
MAPS = {"maps": (8, 10, (32, 32, 1), 16)}
ROUNDS = {"small": 15, "wide": 5, "maps": 9}
# What each runs on, and the module that it needs.
RUNTIMES = {
    "tensorflow graph": "tensorflow",
    "tensorflow xla": "tensorflow",
    "jax": "jax",
    "torch": "torch",
    "onnxruntime": "onnxruntime",
}
# A training step, or None where a runtime only infers; and inference.
Pair = tuple[Callable[[], Any] | None, Callable[[], Any]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worker", nargs=2, metavar=("SHAPE", "RUNTIME"), help=argparse.SUPPRESS)
    worker = parser.parse_args().worker
    if worker:
        print(json.dumps(measure(*worker)))
        return
    rows = []
    for shape, runtime in [(shape, runtime) for shape in (*SHAPES, *MAPS) for runtime in RUNTIMES]:
        if importlib.util.find_spec(RUNTIMES[runtime]) is None or (
            shape in MAPS and runtime.startswith(("torch", "onnx"))
        ):
            continue
        backend = RUNTIMES[runtime] if runtime != "onnxruntime" else "tensorflow"
        environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", "JAX_PLATFORMS": "cpu"}
        command = [sys.executable, __file__, "--worker", shape, runtime]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
        found = json.loads(done.stdout.splitlines()[-1])
        rows += [{"shape": shape, "runtime": runtime, **row} for row in found]
        for row in found:
            print(shape, runtime, row, flush=True)
    sizes = {
        name: dict(zip(("batch", "steps", "inputs", "units"), shape, strict=True))
        for name, shape in {**SHAPES, **MAPS}.items()
    }
    (HERE / "float_layers.json").write_text(json.dumps({"shapes": sizes, "rows": rows}, indent=2) + "\n")


def measure(shape: str, runtime: str) -> list[dict[str, Any]]:
    """Medians of each layer on one runtime."""
    # one core; libraries start as many threads as they find
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    import numpy as np

    batch, steps, inputs, units = {**SHAPES, **MAPS}[shape]
    rng = np.random.default_rng(0)
    x = rng.normal(size=(batch, steps, *(inputs if shape in MAPS else (inputs,)))).astype("float32")
    y = rng.normal(size=(*(x.shape[:-1] if shape in MAPS else x.shape[:2]), units)).astype("float32")
    pairs = {"torch": _torch, "onnxruntime": _onnx}.get(runtime, _keras)(shape, runtime, x, y)
    taken: dict[tuple[str, int], list[float]] = {}
    for round_ in range(ROUNDS[shape] + 1):
        for name, functions in pairs.items():
            for n, function in enumerate(functions):
                begin = time.process_time()
                if function:
                    function()
                if function and round_:  # the first one compiles
                    taken.setdefault((name, n), []).append(1e3 * (time.process_time() - begin))
    rows = []
    for name in pairs:
        times = {key: taken[name, n] for n, key in enumerate(("train_ms", "infer_ms")) if (name, n) in taken}
        rows.append({"layer": name, **{key: round(statistics.median(of), 2) for key, of in times.items()}})
    return rows


def _keras(shape: str, runtime: str, x: Any, y: Any) -> dict[str, Pair]:
    """The layers that Keras runs."""
    import keras

    prepare, pairs = _jax if runtime == "jax" else _tensorflow, {}
    for name, kind in _kinds(keras, shape, runtime).items():
        layer = kind(y.shape[-1])
        layer.build(x.shape)
        pairs[name] = prepare(layer, x, y, runtime)
    return pairs


def _kinds(keras: Any, shape: str, runtime: str) -> dict[str, Callable[[int], Any]]:
    from ffhw.training.layers.conv_jk import ConvJK2D
    from ffhw.training.layers.jk import JK

    class StepByStep(JK):
        """The same cell in the loop that Keras has for any cell, differentiated by the backend."""

        def inner_loop(self, *given: Any, **options: Any) -> Any:
            return keras.layers.RNN.inner_loop(self, *given, **options)

    def of(kind: Any, *given: Any, **options: Any) -> Callable[[int], Any]:
        return lambda units: kind(units, *given, return_sequences=True, **options)

    if shape in MAPS:
        return {"JK": of(ConvJK2D, 3, padding="same"), "LSTM": of(keras.layers.ConvLSTM2D, 3, padding="same")}
    kinds = {"JK": of(JK), "LSTM": of(keras.layers.LSTM)}
    if runtime == "jax":
        kinds["JK, fused"] = of(JK, implementation="fused")
    # its compiled loop takes many seconds a step at the wide shape
    if (shape, runtime) != ("wide", "tensorflow xla"):
        kinds["JK, Keras' loop"] = of(StepByStep)
    return kinds


def _tensorflow(layer: Any, x: Any, y: Any, runtime: str) -> Pair:
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


def _jax(layer: Any, x: Any, y: Any, runtime: str) -> Pair:
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


def _torch(shape: str, runtime: str, x: Any, y: Any) -> dict[str, Pair]:
    """PyTorch's LSTM (oneDNN for inference), time first, as it likes it best."""
    import torch

    torch.set_num_threads(1)
    x, y = (torch.from_numpy(part).transpose(0, 1).contiguous() for part in (x, y))
    layer = torch.nn.LSTM(x.shape[-1], y.shape[-1])
    descent = torch.optim.SGD(layer.parameters(), 1e-3)

    def train() -> None:
        descent.zero_grad()
        torch.nn.functional.mse_loss(layer(x)[0], y).backward()
        descent.step()

    @torch.inference_mode()
    def infer() -> None:
        layer(x)

    return {"LSTM": (train, infer)}


def _onnx(shape: str, runtime: str, x: Any, y: Any) -> dict[str, Pair]:
    """ONNX Runtime's LSTM operator, time first."""
    import numpy as np
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    rng, units, inputs = np.random.default_rng(1), y.shape[-1], x.shape[-1]
    weights = {"W": (1, 4 * units, inputs), "R": (1, 4 * units, units), "B": (1, 8 * units)}
    held = [numpy_helper.from_array(rng.normal(0, 0.1, s).astype("float32"), n) for n, s in weights.items()]
    given = np.ascontiguousarray(x.transpose(1, 0, 2))
    node = helper.make_node("LSTM", ["x", *weights], ["y"], hidden_size=units)
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("x", "y")]
    graph = helper.make_graph([node], "lstm", ends[:1], ends[1:], held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return {"LSTM": (None, lambda: session.run(None, {"x": given}))}


if __name__ == "__main__":
    main()

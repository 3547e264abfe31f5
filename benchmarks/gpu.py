"""Milliseconds of a training step and of inference on a GPU: JK as one kernel or as a loop, LSTM by cuDNN or a loop.

    python benchmarks/gpu.py                            # writes benchmarks/gpu.json as it goes; minutes
    python benchmarks/gpu.py --interpret -o /tmp/x.json # a dry run on a CPU: tiny sizes, kernels interpreted

T = 300, as many inputs as units, float32. Needs JAX with CUDA (``pip install 'jax[cuda12]'``); where TensorFlow finds
the GPU Keras' LSTM on cuDNN as well, where PyTorch does its LSTM and its GRU, on cuDNN too. What the file holds already
is not measured again: a run that was ended goes on. FlashRNN's published figures stand beside, of sizes that are not
ours. A layer is compiled for all sizes before any of them is measured. "JK, fused" is one kernel where that holds so
much (``one_kernel`` in its row), else a loop.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import dataclasses
import functools
import importlib.util
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ffhw.errors import FfhwError
from ffhw.files import write_atomic
from ffhw.training.benchmark.run import find

HERE = Path(__file__).parent
# Published: Poeppel, Beck, Hochreiter, FlashRNN, arXiv:2412.07752; read from the labels of head_dim--lstm.svg in its
# repository, NX-AI/flashrnn at d73fb52. LSTM, batch 16, 1,024 steps, bfloat16, heads of so many units, 768 in all,
# inputs' projection not included. None: out of shared memory, or not measured.
FLASHRNN = {
    "source": "arXiv:2412.07752, NX-AI/flashrnn d73fb52, head_dim--lstm.svg",
    "batch": 16,
    "steps": 1024,
    "units": 768,
    "dtype": "bfloat16",
    "head_units": [16, 32, 64, 128, 256, 768],
    "infer_ms": {
        "triton_fused": [1.97, 1.44, 1.99, 3.23, None, None],
        "cuda_fused": [3.56, 2.9, 3.1, 3.22, 3.62, 4.87],
        "cuda_alternating": [7.84, 8.12, 8.19, 8.8, 10.47, 10.79],
        "nn.LSTM": [None, None, None, None, None, 2.01],
    },
    "infer_and_gradient_ms": {
        "triton_fused": [3.47, 4.1, 18.94, None, None, None],
        "cuda_fused": [8.22, 8.2, 8.64, 9.02, 11.3, 13.61],
        "cuda_alternating": [17.88, 18.8, 20.5, 21.66, 33.48, 26.49],
        "nn.LSTM": [None, None, None, None, None, 5.19],
    },
}


@dataclasses.dataclass(frozen=True)
class Sizes:
    units: tuple[int, ...]
    batches: tuple[int, ...]
    steps: int
    rounds: int


FUSED = "JK, fused"
COMPILERS = concurrent.futures.ThreadPoolExecutor(8)
FULL = Sizes((64, 256, 512, 1024), (1, 16, 256), 300, 20)
TINY = Sizes((16, 20), (1, 17), 5, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, help="file to write; benchmarks/gpu.json on a GPU")
    parser.add_argument("--interpret", action="store_true", help="tiny sizes on a CPU, kernels interpreted: no figures")
    parser.add_argument(
        "--backends", default="jax,tensorflow,torch", help="of jax, tensorflow, torch, separated by commas"
    )
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.interpret and not options.output:
        parser.error("--interpret needs -o: its figures mean nothing and must not stand among others")
    options.output = options.output or HERE / "gpu.json"
    if options.worker:
        work(options)
        return
    backends = options.backends.split(",")
    backends = [name for name in backends if importlib.util.find_spec(name)]
    if not options.interpret:
        backends = with_gpu(backends)
        if not backends:
            sys.exit("gpu.py: no backend found a GPU; --interpret makes a dry run on a CPU")
    for backend in backends:
        environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
        environment |= {"JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": "-1"} if options.interpret else {}
        subprocess.run([sys.executable, __file__, *sys.argv[1:], "--worker", backend], env=environment, check=True)


def with_gpu(backends: Sequence[str]) -> list[str]:
    """Those that find a GPU."""
    keras = [name for name in backends if name != "torch"]
    found = [name for name, what in find(keras).items() if "gpu" in what["devices"]] if keras else []
    if "torch" in backends:
        import torch

        found += ["torch"] if torch.cuda.is_available() else []
    return found


def work(options: argparse.Namespace) -> None:
    """On one backend: measure what the file does not hold."""
    sizes = TINY if options.interpret else FULL
    _in_float32(options.worker)
    device = "cpu, interpreted" if options.interpret else _device(options.worker)
    record = json.loads(options.output.read_text()) if options.output.exists() else {"rows": []}
    record |= {"inputs": "as many as units", "dtype": "float32", "published": {"FlashRNN": FLASHRNN}}
    rows = [row for row in record["rows"] if "failed" in row or {"train_ms", "infer_ms"} <= row.keys()]
    for layer, prepare in contestants(options).items():
        prepared = []
        for units, batch in itertools.product(sizes.units, sizes.batches):
            row = {"layer": layer, "backend": options.worker, "device": device}
            row |= {"units": units, "batch": batch, "steps": sizes.steps}
            if layer == FUSED:
                row["one_kernel"] = _one_kernel(units, batch)
            if not any(row.items() <= found.items() for found in rows):
                prepared.append((row, ready(prepare, units, batch, sizes)))
        prepared = [(row, warmed(functions)) for row, functions in prepared]
        for row, functions in prepared:
            rows.append({**row, **measured(functions, sizes)})
            print(rows[-1], flush=True)
            write_atomic(options.output, json.dumps({**record, "rows": rows}, indent=2) + "\n")


def _one_kernel(units: int, batch: int) -> bool:
    from ffhw.training.layers import fused

    return fused.a_gpu_holds(units, batch, gates=2)


def _in_float32(backend: str) -> None:
    """Whole factors in every product: left to themselves GPUs round those of float32 to 10 bits, of some layers."""
    if backend == "jax":
        import jax

        jax.config.update("jax_default_matmul_precision", "highest")
    elif backend == "torch":
        import torch

        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    else:
        import tensorflow as tf

        tf.config.experimental.enable_tensor_float_32_execution(False)


def _device(backend: str) -> str:
    if backend == "jax":
        import jax

        return jax.devices("gpu")[0].device_kind
    if backend == "torch":
        import torch

        return torch.cuda.get_device_name()
    import tensorflow as tf

    gpu = tf.config.list_physical_devices("GPU")[0]
    return tf.config.experimental.get_device_details(gpu)["device_name"]


# prepare(units, x): a function that trains a step, and one that infers; both wait until the device is through
Prepare = Callable[[int, Any], tuple[Callable[[], Any], Callable[[], Any]]]


def contestants(options: argparse.Namespace) -> dict[str, Prepare]:
    """The layers that this backend has."""
    if options.worker == "torch":
        import torch

        kinds = {"LSTM, PyTorch": torch.nn.LSTM, "GRU, PyTorch": torch.nn.GRU}
        device = "cpu" if options.interpret else "cuda"
        return {name: functools.partial(_torch, kind, device) for name, kind in kinds.items()}
    import keras

    from ffhw.training.layers.jk import JK

    def of(kind: Any, **given: Any) -> Prepare:
        run = _jax if options.worker == "jax" else _tensorflow
        return lambda units, x: run(kind(units, return_sequences=True, **given), x)

    if options.worker == "tensorflow":
        # on a GPU Keras takes cuDNN for this layer
        return {"JK, loop": of(JK), "LSTM, Keras": of(keras.layers.LSTM)}
    found = {FUSED: of(JK, implementation="fused")}
    found |= {} if options.interpret else {"LSTM, cuDNN": _cudnn}
    return {**found, "JK, loop": of(JK), "LSTM, loop": of(keras.layers.LSTM, use_cudnn=False)}


def ready(prepare: Prepare, units: int, batch: int, sizes: Sizes) -> dict[str, Callable[[], Any]] | Exception:
    """What is to be measured, being compiled; or why it cannot be."""
    import numpy as np

    x = np.random.default_rng(0).normal(size=(batch, sizes.steps, units)).astype("float32")
    try:
        return dict(zip(("train_ms", "infer_ms"), prepare(units, x), strict=True))
    except Exception as error:
        return error


def warmed(functions: dict[str, Callable[[], Any]] | Exception) -> dict[str, Callable[[], Any]] | Exception:
    """What is to be measured, once it has run: nothing is compiled beside a measurement."""
    try:
        if not isinstance(functions, Exception):
            for function in functions.values():
                function()
        return functions
    except Exception as error:
        return error


def measured(functions: dict[str, Callable[[], Any]] | Exception, sizes: Sizes) -> dict[str, Any]:
    """Medians of runs behind the first one; or why there are none."""
    try:
        if isinstance(functions, Exception):
            raise functions
        return {name: round(statistics.median(_times(f, sizes.rounds)), 3) for name, f in functions.items()}
    except Exception as error:
        # one that does not fit must not end the others
        return {"failed": f"{type(error).__name__}: {error}".splitlines()[0][:200]}


def _times(function: Callable[[], Any], rounds: int) -> list[float]:
    function()
    taken = []
    for _ in range(rounds):
        begin = time.perf_counter()
        function()
        taken.append(1e3 * (time.perf_counter() - begin))
    return taken


def _jax(layer: Any, x: Any) -> tuple[Callable[[], Any], Callable[[], Any]]:
    import jax

    layer.build(x.shape)
    state = [variable.value for variable in layer.non_trainable_variables]
    weights = [variable.value for variable in layer.trainable_variables]

    def answer(weights: Any, x: Any, training: bool) -> Any:
        return layer.stateless_call(weights, state, x, training=training)[0]

    return _both(answer, weights, jax.device_put(x))


def _both(answer: Any, weights: Any, x: Any) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Gradients of the mean square by all weights, and inference, compiled."""
    import jax

    def compiling(function: Any) -> Callable[[], Any]:
        program = COMPILERS.submit(jax.jit(function).lower(weights, x).compile)
        return lambda: jax.block_until_ready(program.result()(weights, x))

    train = compiling(jax.grad(lambda weights, x: (answer(weights, x, True) ** 2).mean()))
    return train, compiling(lambda weights, x: answer(weights, x, False))


def _cudnn(units: int, x: Any) -> tuple[Callable[[], Any], Callable[[], Any]]:
    import jax
    import jax.numpy as jnp
    from jax.experimental import rnn

    batch, steps, inputs = x.shape
    shape = {"input_size": inputs, "hidden_size": units, "num_layers": 1, "bidirectional": False}
    weights = rnn.init_lstm_weight(jax.random.PRNGKey(0), **shape)
    first = jnp.zeros((1, batch, units), jnp.float32)
    lengths = jnp.full((batch,), steps, jnp.int32)

    def answer(weights: Any, x: Any, training: bool) -> Any:
        return rnn.lstm(x, first, first, weights, lengths, **shape, dropout=0.0, precision=jax.lax.Precision.HIGHEST)[0]

    return _both(answer, weights, jax.device_put(x))


def _torch(kind: Any, device: str, units: int, x: Any) -> tuple[Callable[[], Any], Callable[[], Any]]:
    import torch

    # its own order: time first
    x = torch.from_numpy(x).to(device).transpose(0, 1).contiguous()
    layer = kind(x.shape[-1], units).to(device)

    def wait() -> None:
        if device == "cuda":
            torch.cuda.synchronize()

    def train() -> None:
        layer.zero_grad()
        (layer(x)[0] ** 2).mean().backward()
        wait()

    @torch.inference_mode()
    def infer() -> None:
        layer(x)
        wait()

    return train, infer


def _tensorflow(layer: Any, x: Any) -> tuple[Callable[[], Any], Callable[[], Any]]:
    import tensorflow as tf

    layer.build(x.shape)
    x = tf.constant(x)

    @tf.function
    def train() -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(layer(x, training=True) ** 2)
        return tape.gradient(loss, [weight.value for weight in layer.trainable_variables])

    infer = tf.function(lambda: layer(x))
    return lambda: [part.numpy() for part in train()], lambda: infer().numpy()


if __name__ == "__main__":
    try:
        main()
    except FfhwError as error:
        sys.exit(f"gpu.py: {error}")

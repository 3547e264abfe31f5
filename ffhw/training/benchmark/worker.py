"""One measurement in a process of its own, so that its memory is its own.

``python -m ffhw.training.benchmark.worker '{"find": true}'`` tells what devices Keras' backend has; with a network's
name, batches, time steps and batch size it trains an epoch. The answer is the last line of standard output, as JSON.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from typing import Any

from ffhw.training.benchmark.subjects import SUBJECTS, build
from ffhw.training.environment import environment, peak_mib
from ffhw.training.strategy import strategy


def find() -> dict[str, Any]:
    """Kinds of devices that the backend finds, ``cpu``, ``gpu``, ``tpu``, with names; and the environment."""
    import keras

    devices: dict[str, list[str]] = {}
    if keras.backend.backend() == "jax":
        import jax

        for device in jax.devices():
            devices.setdefault(device.platform, []).append(device.device_kind)
    else:
        import tensorflow as tf

        for device in tf.config.list_physical_devices():
            details = tf.config.experimental.get_device_details(device) if device.device_type == "GPU" else {}
            if device.device_type in ("CPU", "GPU", "TPU"):
                devices.setdefault(device.device_type.lower(), []).append(details.get("device_name", device.name))
    devices.setdefault("cpu", ["cpu"])
    return {"devices": devices, "environment": environment()}


def measure(name: str, device: str, batches: int, time_steps: int, batch: int) -> dict[str, Any]:
    """Train one epoch and tell its cost.

    Returns
    -------
    ``first_s``: the batch before the epoch, in which everything is compiled. ``epoch_s``, ``epoch_cpu_s``: wall and
    processor time of the epoch; ``batch_s``: median of its batches. ``loaded_mib``, ``peak_mib``: memory that the
    process had held before the first batch, and after the last. ``device_peak_mib``: of an accelerator, None of a CPU.
    """
    import keras
    import numpy as np

    keras.utils.set_random_seed(0)
    subject = SUBJECTS[name]
    rng = np.random.default_rng(0)
    # float64 from U(0, 1), as in the paper; the same batch again and again costs as much as fresh ones
    x, y = rng.random((batch, time_steps, *subject.shape)), rng.random((batch, subject.outputs))
    on_tpu = device == "tpu" and keras.backend.backend() == "tensorflow"
    with strategy("tpu" if on_tpu else "default").scope():
        model = build(subject, time_steps)
    loaded = peak_mib()

    def step() -> float:
        begin = time.perf_counter()
        loss = model.train_on_batch(x, y)
        if not np.isfinite(float(loss)):
            raise ArithmeticError(f"{name}: the loss is {loss}")
        return time.perf_counter() - begin

    first = step()
    wall, cpu = time.perf_counter(), time.process_time()
    taken = [step() for _ in range(batches)]
    return {
        "parameters": model.count_params(),
        "first_s": round(first, 4),
        "epoch_s": round(time.perf_counter() - wall, 4),
        "epoch_cpu_s": round(time.process_time() - cpu, 4),
        "batch_s": round(statistics.median(taken), 4),
        "loaded_mib": loaded,
        "peak_mib": peak_mib(),
        "device_peak_mib": _device_peak(device),
    }


def _device_peak(device: str) -> int | None:
    """Most memory that was in use on the accelerator, in MiB; None where its runtime does not tell."""
    import keras

    if device == "cpu":
        return None
    if keras.backend.backend() == "jax":
        import jax

        used = (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use")
    elif device == "gpu":
        import tensorflow as tf

        used = tf.config.experimental.get_memory_info("GPU:0")["peak"]
    else:
        used = None
    return None if used is None else used >> 20


def main() -> None:
    """Do what the first argument asks."""
    wanted = json.loads(sys.argv[1])
    answer = find() if wanted.pop("find", False) else measure(**wanted)
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()

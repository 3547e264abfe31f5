"""Steps a second of one LSTM at 8 bits on a core: hls4ml's C++ emulation, and the native path here; JK beside them.

Needs hls4ml and g++: ``pip install hls4ml==1.3.0``, then ``python benchmarks/emulators.py``. Six minutes. 16 inputs, 64
units, sequences of 100 steps, one at a time and 1,024 together. hls4ml's is its Vitis back end at ``ap_fixed<8,4>``,
compiled by its own build (``-O3``). Runs take turns; medians of processor time.
"""

from __future__ import annotations

import importlib.metadata
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from cells import network
from common import save

from ffhw.backends.run import check_equal, open_backend

INPUTS, UNITS, BITS, STEPS = 16, 64, 8, 100
BATCHES = (1, 1024)
ROUNDS, SECONDS = 5, 0.5


def hls4ml_lstm(folder: str) -> Callable[[Any], Any]:
    """A function of inputs ``[batch, 100, 16]``."""
    import hls4ml
    import keras

    keras.utils.set_random_seed(1)
    layers = [keras.Input((STEPS, INPUTS)), keras.layers.LSTM(UNITS, return_sequences=True)]
    model = keras.Sequential(layers)
    options = {"granularity": "name", "default_precision": f"ap_fixed<{BITS},4>", "backend": "Vitis"}
    config = hls4ml.utils.config_from_keras_model(model, **options)
    converted = hls4ml.converters.convert_from_keras_model(
        model, hls_config=config, output_dir=folder, backend="Vitis", io_type="io_parallel"
    )
    converted.compile()
    predict: Callable[[Any], Any] = converted.predict
    return predict


def native(cell: str) -> Callable[[Any], Any]:
    """A function of input codes ``[batch, 100, 16]``, equal to the golden model."""
    net = network(cell, UNITS, INPUTS, BITS)
    runtime = open_backend("native", net)
    codes = np.random.default_rng(1).integers(-128, 127, (4, STEPS, INPUTS), endpoint=True)
    check_equal("native", runtime.run(codes).outputs, open_backend("golden", net).run(codes).outputs)
    return runtime.run


def steps_a_second(function: Callable[[Any], Any], x: Any) -> float:
    runs, begin = 0, time.process_time()
    while time.process_time() - begin < SECONDS:
        function(x)
        runs += 1
    return runs * len(x) * STEPS / (time.process_time() - begin)


def main() -> None:
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        emulated, lstm, jk = hls4ml_lstm(folder), native("lstm"), native("jk")
        rows = []
        for batch in BATCHES:
            x = rng.uniform(-1, 1, (batch, STEPS, INPUTS)).astype(np.float32)
            codes = rng.integers(-128, 127, x.shape, endpoint=True)
            ways = {"LSTM, hls4ml": (emulated, x), "LSTM, native": (lstm, codes), "JK, native": (jk, codes)}
            for function, given in ways.values():
                function(given[:1])
            rounds = [{name: steps_a_second(*way) for name, way in ways.items()} for _ in range(ROUNDS)]
            for name in ways:
                rate = statistics.median(taken[name] for taken in rounds)
                rows.append({"emulator": name, "batch": batch, "steps_per_s": round(rate)})
                print(rows[-1], flush=True)
    versions = {"hls4ml": importlib.metadata.version("hls4ml")}
    save("emulators", {"inputs": INPUTS, "units": UNITS, "bits": BITS, "versions": versions, "rows": rows})


if __name__ == "__main__":
    main()

"""The paper's tasks of convolutional networks, as far as their road goes: trained quick, in integers, as ONNX graphs.

Scores are those of the task on its whole test split, in floats by Keras and of the golden model at each width; every
code of the ONNX graph at eight bits is compared. Run from the repository: ``python benchmarks/paper_maps.py FOLDER``
(ten minutes a task on two cores); a model that `ffhw train` left in FOLDER is not trained again.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from common import kept, save

from ffhw.backends.onnx_runtime import OnnxRuntime
from ffhw.export import Options, read_and_quantize
from ffhw.model import golden
from ffhw.model.network import Network
from ffhw.numbers.scales import Widths
from ffhw.training.networks.options import RecurrentOptions
from ffhw.training.tasks import TASKS
from ffhw.training.tasks.base import Trained
from ffhw.training.train import settle

NAMES, BITS = ("frames", "lung", "action"), (8, 6, 4)


class Integers:
    """A network as its task asks a model: maps in, answers of Keras' form out."""

    def __init__(self, network: Network, shape: tuple[int, ...]) -> None:
        self.network = network
        self.shape = shape

    def predict_on_batch(self, x: Any) -> Any:
        codes = self.network.encode(x.reshape(*x.shape[:2], -1))
        outputs = golden.run(self.network, codes).outputs
        return self.network.decode(outputs).reshape(len(x), *self.shape)


def measure(name: str, models: Path) -> dict[str, Any]:
    """One task: its figures in floats and at each width, and how many codes the graph gave alike."""
    model = models / f"{name}.keras"
    if not model.exists():
        subprocess.run([sys.executable, "-m", "ffhw", "train", name, "-o", model], check=True)
    record = json.loads(model.with_suffix(".json").read_text())
    task = TASKS[name]
    sizes = settle(task, RecurrentOptions())
    data = task.examples(sizes, record["seed"])
    shape = data.y_test.shape[1:] if data.y_test.ndim > 1 else (11,)
    scores, compared = {"float": record["test"]}, {}
    for bits in BITS:
        network = read_and_quantize(model, Options(Widths(bits), hardware=False)).network
        trained = Trained(Integers(network, shape), data, sizes, {}, record["seed"], {}, task.at_once)
        scores[str(bits)] = task.evaluate(trained)
        if bits == max(BITS):
            codes = network.encode((data.x_test / 255.0).reshape(*data.x_test.shape[:2], -1))
            expected = golden.run(network, codes).outputs
            got = OnnxRuntime(network).run(codes).outputs
            assert np.array_equal(got, expected), name
            compared = {"sequences": len(codes), "codes": int(got.size)}
    return {
        "task": name,
        "parameters": record["parameters"],
        "judged_by": task.judged_by,
        "baseline": record["baseline"],
        "scores": scores,
        "onnx_equal": compared,
    }


def main() -> None:
    rows = kept("paper_maps")
    for name in NAMES:
        if name in {row["task"] for row in rows}:
            continue
        rows.append(measure(name, Path(sys.argv[1])))
        print(rows[-1], flush=True)
        save("paper_maps", {"bits": BITS, "rows": rows})


if __name__ == "__main__":
    main()

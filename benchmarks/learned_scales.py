"""Learned scales against calibrated ones: from one float network, trained on integers both ways.

JapaneseVowels as ``ffhw train`` does it. The 3-bit memory in a small way: of its sequences a fifth, in batches of 32.
Run from the repository: ``python benchmarks/learned_scales.py [TASK...]`` (a quarter of an hour); with
``KERAS_BACKEND=jax`` the long loops are compiled, which is several times as fast. What ``learned_scales.json`` holds
already is not trained again.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import dataclasses
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from common import kept, save

from ffhw.numbers.scales import Widths
from ffhw.training.networks.options import RecurrentOptions
from ffhw.training.qat.convert import moved_scales, quantized
from ffhw.training.qat.train import EPOCHS_SHARE, RATE_SHARE
from ffhw.training.tasks import TASKS
from ffhw.training.tasks.base import Trained
from ffhw.training.train import settle

SEEDS = (1, 2)
# of the memory, inputs and outputs keep eight bits where states have two, as everywhere else
WIDTHS = {
    "japanese-vowels": (Widths(4), Widths(2, input_bits=4), Widths(2)),
    "flipflop3": (Widths(4), Widths(8, weight_bits=2, state_bits=2)),
}
# instead of the task's own: sequences, batch, epochs in floats
SMALL = {"flipflop3": (3000, 32, 10)}


def measure(name: str, seed: int) -> Iterator[dict[str, Any]]:
    """A row for each set of widths and either kind of scales."""
    import keras

    keras.utils.set_random_seed(seed)
    task, options = TASKS[name], RecurrentOptions()
    sizes = settle(task, options)
    data = task.examples(sizes, seed)
    if name in SMALL:
        count, batch, epochs = SMALL[name]
        data = dataclasses.replace(data, x=data.x[:count], y=data.y[:count])
        sizes = dataclasses.replace(sizes, batch_size=batch, epochs=epochs)

    def fit(model: Any, sizes: Any) -> float:
        """Score of the model once it is trained."""
        task.compile(model, sizes, sizes.epochs * -(-len(data.y) // sizes.batch_size))
        model.fit(data.x, data.y, batch_size=sizes.batch_size, epochs=sizes.epochs, verbose=0)
        return score(model)

    def score(model: Any) -> float:
        return task.evaluate(Trained(model, data, sizes, {}, seed, {}, task.at_once))[task.judged_by]

    model = task.build(options, sizes, data, seed)
    in_floats = fit(model, sizes)
    lower = dataclasses.replace(
        sizes,
        epochs=max(1, round(sizes.epochs * EPOCHS_SHARE)),
        learning_rate=sizes.learning_rate * RATE_SHARE,
    )
    for widths in WIDTHS[name]:
        for learn in (False, True):
            keras.utils.set_random_seed(seed)
            made = quantized(model, widths, np.asarray(data.x), learn_scales=learn)
            row = {"task": name, "seed": seed, **dataclasses.asdict(widths), "learn_scales": learn}
            before = score(made)
            after = fit(made, lower)
            figures = {"float": in_floats, "quantized_only": before, "test": after, "epochs": lower.epochs}
            yield {**row, **figures, "moved_scales": moved_scales(made)}


def main() -> None:
    rows = kept("learned_scales")
    for seed in SEEDS:
        for name in sys.argv[1:] or WIDTHS:
            if (name, seed) in {(row["task"], row["seed"]) for row in rows}:
                continue
            for row in measure(name, seed):
                rows.append(row)
                print(row, flush=True)
            save("learned_scales", {"rows": rows})


if __name__ == "__main__":
    main()

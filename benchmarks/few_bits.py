"""What few bits cost: quantized after training, and trained on integers, for four cells.

Of each task, cell and seed one float network; from it, for each set of widths, the same network quantized only and
trained on integers for half as many epochs (what ``ffhw train --qat`` does). All cells have the same settings, those
of the task. Run from the repository: ``python benchmarks/few_bits.py [TASK...]`` (two hours);
what ``few_bits.json`` holds already is not trained again.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from common import kept, save

from ffhw.numbers.scales import Widths
from ffhw.training.networks.options import RecurrentOptions
from ffhw.training.qat.train import Checkpoints, Stages, train_on_integers
from ffhw.training.tasks import TASKS
from ffhw.training.tasks.base import Task, Trained
from ffhw.training.train import settle, train

SEEDS = (1, 2, 3)
CELLS = ("jk", "lstm", "gru", "rnn")
# An LSTM's c always has eight bits: on a grid of three that reaches as far as c does, no step moves it by half a code.
CELL_BITS = 8
# bits of the rest, of weights and of states; of one bit a tanh has one value only
FEW = ((4, 2, 2), (4, "ternary", 2), (4, 2, 1), (4, "ternary", 1), (4, "binary", 1))
SETS = (*((bits, bits, bits) for bits in (8, 6, 4, 3, 2)), *FEW)
WIDTHS = tuple(Widths(bits, weights, states, cell_bits=CELL_BITS) for bits, weights, states in SETS)
CHOSEN = ("japanese-vowels", "pen-digits", "perceptual-decision", "flipflop3")


def measure(name: str, cell: str, seed: int, folder: Path) -> Iterator[dict[str, Any]]:
    """The float network's row, then one for each set of widths."""
    task, options, model = TASKS[name], RecurrentOptions(cell), folder / "m.keras"
    record = train(task, model, options, seed=seed)
    about = {"task": name, "cell": cell, "seed": seed, "units": record["units"], "parameters": record["parameters"]}
    nothing = {"bits": None, "weight_bits": None, "state_bits": None, "quantized_only": None}
    yield {**about, **nothing, "test": record["test"][task.judged_by]}
    sets = [widths for widths in WIDTHS if widths.state_bits > 1 or cell == "jk"]
    for stage in stages_of(task, model, options, seed, sets):
        own = {key: value for key, value in stage["widths"].items() if key in nothing}
        scores = {key: stage[key][task.judged_by] for key in ("quantized_only", "test")}
        yield {**about, **own, **scores, "epochs": stage["epochs"], "seconds": stage["seconds"]}


def stages_of(
    task: Task, model: Path, options: RecurrentOptions, seed: int, sets: Sequence[Widths]
) -> Iterator[dict[str, Any]]:
    """What training on integers records, for each set of widths from the same network in floats."""
    import keras

    sizes = settle(task, options)
    data = task.examples(sizes, seed)
    trained = Trained(keras.models.load_model(model), data, sizes, {}, seed, {}, task.at_once)
    for widths in sets:
        keras.utils.set_random_seed(seed)
        _, (stage,) = train_on_integers(task, trained, Stages((widths,)), Checkpoints())
        yield stage


def main() -> None:
    rows = kept("few_bits")
    for seed in SEEDS:
        for name in sys.argv[1:] or CHOSEN:
            for cell in CELLS:
                if (name, cell, seed) in {(row["task"], row["cell"], row["seed"]) for row in rows}:
                    continue
                with tempfile.TemporaryDirectory() as folder:
                    rows += measure(name, cell, seed, Path(folder))
                print(rows[-1], flush=True)
                save("few_bits", {"rows": rows})


if __name__ == "__main__":
    main()

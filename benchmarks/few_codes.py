"""Ternary and binary weights beside those of two bits: what they answer, and what they take of an iCEBreaker.

Of each seed one float network of JK cells for JapaneseVowels; from it, for each kind of weights and width of states,
the same network quantized only and trained on integers, as ``few_bits.py`` does it. The first seed's networks are built
at one folding, the core alone; every netlist is held against the golden model. Run from the repository: ``python
benchmarks/few_codes.py`` (half an hour); what ``few_codes.json`` holds already is not measured again.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from common import kept, save

from ffhw.boards import catalogue
from ffhw.boards.flow import synthesize
from ffhw.export import Options, export
from ffhw.numbers.scales import Widths
from ffhw.sim.netlist import check_netlist
from ffhw.training.networks.options import RecurrentOptions
from ffhw.training.qat.train import Checkpoints, Stages, train_on_integers
from ffhw.training.tasks import TASKS
from ffhw.training.tasks.base import Trained
from ffhw.training.train import settle, train

TASK, CELL = "japanese-vowels", "jk"
SEEDS = (1, 2)
WEIGHTS = (2, "ternary", "binary")
STATES = (4, 2, 1)
# of inputs and outputs
BITS = 4
BOARD = catalogue.board("icebreaker")
# of the first layer; the same for all, so that cycles are
LANES, SIMD = 8, 2
BUILT_STATES = (4, 1)


def measure(seed: int, folder: Path) -> Iterator[dict[str, Any]]:
    """A row for each kind of weights and width of states."""
    import keras

    task, options, model = TASKS[TASK], RecurrentOptions(CELL), folder / "m.keras"
    train(task, model, options, seed=seed)
    sizes = settle(task, options)
    data = task.examples(sizes, seed)
    trained = Trained(keras.models.load_model(model), data, sizes, {}, seed, {}, task.at_once)
    for state_bits in STATES:
        for weights in WEIGHTS:
            keras.utils.set_random_seed(seed)
            widths = Widths(BITS, weight_bits=weights, state_bits=state_bits)
            done, (stage,) = train_on_integers(task, trained, Stages((widths,)), Checkpoints())
            scores = {key: stage[key][task.judged_by] for key in ("quantized_only", "test")}
            row = {"seed": seed, "weights": weights, "state_bits": state_bits, **scores, "epochs": stage["epochs"]}
            if seed == SEEDS[0] and state_bits in BUILT_STATES:
                done.model.save(folder / "few.keras")
                row["built"] = build(folder / "few.keras", folder / f"build-{weights}-{state_bits}")
            yield row


def build(model: Path, folder: Path) -> dict[str, Any]:
    """The figures of a design that was placed and routed."""
    bundle = export(model, folder, Options(Widths(BITS), lanes=LANES, simd=SIMD))
    result = synthesize(bundle.path, BOARD, check=check_netlist, link=None)
    assert result["netlist"]["equal"]
    used = {key: count["used"] for key, count in result["utilisation"].items()}
    return {**used, "fmax_mhz": result["fmax_mhz"], "cycles_per_step": result["cycles_per_step"]}


def main() -> None:
    rows = kept("few_codes")
    for seed in SEEDS:
        if any(row["seed"] == seed for row in rows):
            continue
        with tempfile.TemporaryDirectory() as folder:
            for row in measure(seed, Path(folder)):
                print(row, flush=True)
                rows.append(row)
        save("few_codes", {"task": TASK, "bits": BITS, "lanes": LANES, "simd": SIMD, "rows": rows})


if __name__ == "__main__":
    main()

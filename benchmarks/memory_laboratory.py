"""What do trained 3-bit memories look like inside, and how long do they last?

Trains the tutorial's network of 400 tanh units from four seeds, and JK, LSTM and GRU networks of 32 units; analyzes
each in full; writes a summary and the figures of docs/laboratory.md, that of minimal_size.py included. What FOLDER
holds already is not done again.

Run from the repository: ``python benchmarks/memory_laboratory.py FOLDER``. Two hours on two cores, training included.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# wide layers train 1.6 times as fast with these kernels
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common import HERE, save

from ffhw.files import write_atomic, write_folder
from ffhw.report import memory_figures, network_figures
from ffhw.report.laboratory_page import figures
from ffhw.report.style import styled, svg
from ffhw.training.analysis.bits import quantized
from ffhw.training.analysis.holding import long_holds
from ffhw.training.analysis.laboratory import Effort, analyze
from ffhw.training.analysis.probe import probe
from ffhw.training.analysis.subject import open_subject
from ffhw.training.networks.options import RecurrentOptions
from ffhw.training.tasks import TASKS
from ffhw.training.train import train

# name: cell, units, seed
NETWORKS = {
    **{f"rnn400-{seed}": ("rnn", 400, seed) for seed in (1, 2, 3, 4)},
    "jk32": ("jk", 32, 1),
    "lstm32": ("lstm", 32, 1),
    "gru32": ("gru", 32, 1),
}
# figures of the docs page: network and what is shown of it
SHOWN = {
    "rnn400-1": ("samples", "activity", "spectrum", "fixed_points"),
    "jk32": ("flip_flops", "bits", "robustness"),
}


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} FOLDER")
    folder = Path(sys.argv[1])
    folder.mkdir(exist_ok=True)
    results = {}
    for name, (cell, units, seed) in NETWORKS.items():
        say(name)
        path = folder / f"{name}.keras"
        if not path.exists():
            train(TASKS["flipflop3"], path, RecurrentOptions(cell, units), seed=seed, progress=say)
        kept = folder / f"{name}.analysis.json"
        results[name] = kept_or(kept, lambda path=path: analyze(open_subject(path), Effort(), step=say))
    noisy = kept_or(folder / "jk32.8bits.json", lambda: noisy_hold(folder / "jk32.keras", bits=8))
    rows = [summary(name, r) for name, r in results.items()]
    save("memory_laboratory", {"networks": rows, "noisy_hold_of_jk32_at_8_bits": noisy})
    write_folder(HERE.parent / "docs" / "laboratory", drawings(results, noisy))


def kept_or(path: Path, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What the file holds; made and written if it is not there."""
    if not path.exists():
        write_atomic(path, json.dumps(make()))
    return json.loads(path.read_text())


def noisy_hold(path: Path, bits: int) -> dict[str, Any]:
    """The golden model's memories, held through noise."""
    effort, task = Effort(), TASKS["flipflop3"].generator
    system = quantized(path, probe(task, effort.samples, seed=1), bits)
    return long_holds(system, task, effort.factors, effort.repeats, seed=1)


def say(*words: Any) -> None:
    print("  ", *words, file=sys.stderr, flush=True)


def summary(name: str, result: dict[str, Any]) -> dict[str, Any]:
    """What is told of a network: figures, not pictures."""
    corners, points, silent = result["activity"]["corners"], result["fixed_points"], result["holding"]["silent"]
    recurrent = result["spectrum"]["recurrent"]
    row = {
        "name": name,
        **{key: result["network"][key] for key in ("cell", "units", "parameters", "trained")},
        "tour_success": result["samples"]["success"][0],
        "scores": result["scores"],
        "recurrent_spectrum": {k: v for k, v in recurrent["trained"].items() if k != "values"} if recurrent else None,
        "largest_jacobian_eigenvalue": result["spectrum"]["jacobian"]["largest"],
        "explained": result["activity"]["explained"],
        "purity": corners["purity"],
        "separation": corners["separation"],
        "cube": corners["cube"],
        "fixed_points": points["counts"],
        "noisy_hold": result["holding"]["noisy"],
        "silent_hold": {k: v for k, v in silent.items() if k != "outputs"},
    }
    if "flip_flops" in result:
        row["modes"] = result["flip_flops"]["modes"]
        row["bits"] = [
            {
                "bits": r["bits"],
                "scores": r["scores"],
                "purity": r["activity"]["corners"]["purity"],
                "cube": r["activity"]["corners"]["cube"],
                "silent_hold": {k: v for k, v in r["hold"].items() if k != "outputs"},
            }
            for r in result["bits"]["rows"]
        ]
    return row


def drawings(results: dict[str, dict[str, Any]], noisy: dict[str, Any]) -> dict[str, str]:
    """Figures of the docs page by file name."""
    drawn = {f"{name}-{kind}.svg": svg(figures(results[name])[kind]) for name, kinds in SHOWN.items() for kind in kinds}
    with styled():
        cubes = memory_figures.cubes([(name, r["activity"]) for name, r in results.items() if name != "rnn400-1"])
        rows = [(name, r["network"]["cell"], r["holding"]) for name, r in results.items() if "rnn" not in name]
        rows.insert(0, ("rnn400-1", "rnn", results["rnn400-1"]["holding"]))
        eight = next(row for row in results["jk32"]["bits"]["rows"] if row["bits"] == 8)
        rows.append(("jk32, 8 bits", "jk", {"noisy": noisy, "silent": eight["hold"]}))
        holding = memory_figures.holding(rows)
        sizes = memory_figures.sizes(json.loads((HERE / "minimal_size.json").read_text()))
        spectra = network_figures.spectra([(n, r["spectrum"]) for n, r in results.items() if "rnn" in n])
    return {
        **drawn,
        "cubes.svg": svg(cubes),
        "holding.svg": svg(holding),
        "spectra.svg": svg(spectra),
        "sizes.svg": svg(sizes),
    }


if __name__ == "__main__":
    main()

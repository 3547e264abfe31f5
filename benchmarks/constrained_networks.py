"""Do networks learn the 3-bit memory that obey Dale's law, or have few connections? Seed 1, 15 epochs.

Models that FOLDER holds already are not trained again. Run from the repository:
``python benchmarks/constrained_networks.py FOLDER``.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import json
import sys
from pathlib import Path

from common import save

from ffhw.training.analysis.dynamics import respond
from ffhw.training.analysis.probe import probe, showcase
from ffhw.training.analysis.scores import error_norms, succeeded
from ffhw.training.analysis.spectrum import connectivity
from ffhw.training.analysis.subject import open_subject
from ffhw.training.networks.options import RecurrentOptions
from ffhw.training.tasks import TASKS
from ffhw.training.train import train

NETWORKS = {
    "continuous": RecurrentOptions("ctrnn", 64, tau_ms=10.0),
    "dale": RecurrentOptions("ctrnn", 100, dale=0.8),
    "sparse": RecurrentOptions("ctrnn", 100, density=0.2, self_connection=False),
}


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} FOLDER")
    folder = Path(sys.argv[1])
    folder.mkdir(exist_ok=True)
    task = TASKS["flipflop3"]
    rows = []
    for name, options in NETWORKS.items():
        path = folder / f"{name}.keras"
        if not path.exists():
            train(task, path, options, epochs=15)
        record = json.loads(path.with_suffix(".json").read_text())
        subject, tested, shown = open_subject(path), probe(task.generator, 128, 1), showcase(task.generator, 1)
        kept = ("cell", "units", "parameters", "tau_ms", "dale", "density", "self_connection", "epochs", "test")
        rows.append(
            {
                "name": name,
                **{key: record[key] for key in kept},
                "connections": connectivity(subject.system, None)["gates"][0]["density"],
                "tour_success": bool(succeeded(respond(subject.system, shown.x), shown)[0]),
                "scores": error_norms(respond(subject.system, tested.x), tested),
            }
        )
        print(rows[-1])
    save("constrained_networks", {"rows": rows})


if __name__ == "__main__":
    main()

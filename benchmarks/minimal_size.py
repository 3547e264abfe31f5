"""How small can a 3-bit memory be? The least units of each cell that reach 99.9 % of the signs, with their parameters.

Seed 1, the task's own data, batch and epochs. What was measured of other cells before is kept.

Run from the repository: ``python benchmarks/minimal_size.py [CELL ...]``.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import json
import sys
from typing import Any

from common import HERE, save

from ffhw.training.analysis.sizes import smallest_networks
from ffhw.training.tasks import TASKS

CELLS = ("jk", "lstm", "gru", "rnn")
SIZES = (3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
ACCURACY = 0.999


def main() -> None:
    for cell in sys.argv[1:] or CELLS:
        found = smallest_networks(TASKS["flipflop3"], [cell], SIZES, ACCURACY, say=say)
        say(found["smallest"])
        save("minimal_size", merged(found))


def say(what: Any) -> None:
    print(what, file=sys.stderr, flush=True)


def merged(found: dict[str, Any]) -> dict[str, Any]:
    """New rows beside those of the cells that were not measured this time, in the order of CELLS."""
    before = json.loads((HERE / "minimal_size.json").read_text()) if (HERE / "minimal_size.json").exists() else {}
    smallest = {**before.get("smallest", {}), **found["smallest"]}
    kept = [row for row in before.get("rows", []) if row["cell"] not in found["smallest"]]
    rows = sorted(kept + found["rows"], key=lambda row: (CELLS.index(row["cell"]), row["units"]))
    return {**found, "rows": rows, "smallest": {cell: smallest[cell] for cell in CELLS if cell in smallest}}


if __name__ == "__main__":
    main()

"""How small can a 3-bit memory be? The least units of each cell that reach 99.9 % of the signs, with their parameters.

Seed 1, the task's own data, batch and epochs. Run: ``python benchmarks/minimal_size.py [CELL ...]``.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import sys

from common import save

from ffhw.training.analysis.sizes import smallest_networks
from ffhw.training.tasks import TASKS

CELLS = ("jk", "lstm", "gru", "rnn")
SIZES = (3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
ACCURACY = 0.999


def main() -> None:
    cells = sys.argv[1:] or CELLS
    found = smallest_networks(
        TASKS["flipflop3"], cells, SIZES, ACCURACY, say=lambda text: print(text, file=sys.stderr, flush=True)
    )
    for row in found["rows"]:
        print(row)
    save("minimal_size" if len(cells) == len(CELLS) else f"minimal_size_{'_'.join(cells)}", found)


if __name__ == "__main__":
    main()

"""Both examples on every board, with the link: what the fastest folding reaches at a clock that closes timing.

Every netlist is spoken to through its serial pins and held against the golden model. What ``boards.json`` holds is not
built again. A few minutes a design; run from the repository: ``python benchmarks/boards.py MODELS [BOARD...]``, where
MODELS is a folder in which `ffhw train` left ``flipflop3.keras`` and ``japanese-vowels.keras``.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from common import kept, save

from ffhw.boards.catalogue import Board
from ffhw.boards.flow import LinkOptions, synthesize
from ffhw.errors import FitError
from ffhw.export import Options, export
from ffhw.numbers.scales import Widths
from ffhw.sim.netlist import check_netlist

EXAMPLES = ("flipflop3", "japanese-vowels")
KEPT = (
    "title",
    "clock_mhz",
    "fmax_mhz",
    "fmax_reliable",
    "cycles_per_step",
    "steps_per_second",
    "predicted",
    "built",
    "utilisation",
    "netlist",
)


def build(model: Path, board: Board, folder: Path) -> dict[str, Any]:
    """The figures of one design, or why there is none."""
    try:
        bundle = export(model, folder / "build", Options(Widths(8), board=board.name))
        result = synthesize(bundle.path, board, check=check_netlist, link=LinkOptions())
    except FitError as error:
        return {"title": board.title, "does_not_fit": str(error).partition("; logs in")[0]}
    return {key: result[key] for key in KEPT}


def main() -> None:
    models, names = Path(sys.argv[1]), sys.argv[2:] or list(Board.BY_NAME)
    rows = kept("boards")
    for name in names:
        for task in EXAMPLES:
            if any((row["board"], row["task"]) == (name, task) for row in rows):
                continue
            with tempfile.TemporaryDirectory() as folder:
                row = build(models / f"{task}.keras", Board.BY_NAME[name], Path(folder))
            rows.append({"board": name, "task": task, **row})
            order = list(Board.BY_NAME)
            rows.sort(key=lambda row: (order.index(row["board"]), EXAMPLES.index(row["task"])))
            save("boards", {"rows": rows})


if __name__ == "__main__":
    main()

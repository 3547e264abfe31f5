"""Both examples down the whole road: train, export at 8 bits, simulate on two simulators and in bulk, place and route.

Every netlist is simulated against the golden model before it is placed. Takes about twenty minutes on two cores. Run
from the repository: ``python benchmarks/examples.py [FOLDER]``; models that `ffhw train` left in FOLDER are not trained
again.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import json
import sys
import tempfile
from pathlib import Path

from common import save

from ffhw.boards.catalogue import Board
from ffhw.boards.flow import synthesize
from ffhw.errors import FitError
from ffhw.export import Options, export
from ffhw.numbers.scales import Widths
from ffhw.sim.check import Check, simulate
from ffhw.sim.netlist import check_netlist
from ffhw.training.tasks import TASKS
from ffhw.training.train import train

EXAMPLES = ("flipflop3", "japanese-vowels")
# One of each family, without the link: ``boards.py`` builds the others, with it.
BOARDS = ("icebreaker", "ulx3s-85f", "tangnano9k")
MODELS = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp())


def road(task: str, folder: Path) -> dict[str, object]:
    """One example on a board of each family; the simulated folding is the one for the iCEBreaker."""
    model = MODELS / f"{task}.keras"
    if not model.exists():
        train(TASKS[task], model)
    record = json.loads(model.with_suffix(".json").read_text())
    boards = {}
    for name in BOARDS:
        board = Board.BY_NAME[name]
        lanes = {"board": name} if name != "ulx3s-85f" else {"lanes": 8}
        bundle = export(model, folder / f"{task}-{name}", Options(Widths(8), **lanes), step=print)
        try:
            result = synthesize(bundle.path, board, step=print, check=check_netlist)
            boards[name] = {k: v for k, v in result.items() if k not in ("file", "bundle")}
        except FitError as error:
            boards[name] = {"does_not_fit": str(error)}
        if name == "icebreaker":
            checks = (Check(), Check(simulator="icarus"), Check(every=True, internals=True))
            simulations = [simulate(bundle.path, check, print) for check in checks]
            accuracy = bundle.json("accuracy.json")
    return {
        "task": task,
        "parameters": record["parameters"],
        "train_seconds": record["train_seconds"],
        "float": accuracy["float"],
        "quantized_8_bits": accuracy["quantized"],
        "simulations": [{k: v for k, v in s.items() if k != "file"} for s in simulations],
        "boards": boards,
    }


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        save("examples", {"examples": [road(task, Path(name)) for task in EXAMPLES]})


if __name__ == "__main__":
    main()

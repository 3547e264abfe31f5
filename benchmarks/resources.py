"""How good the estimates of resources are, at 2 to 8 bits and foldings that were not fitted to: synthesis only.

Random networks of every cell, weights and states of different widths, several products a lane and cycle, on the three
families: multipliers, block RAMs and lookup tables that yosys makes, beside those that the plan predicts. Of an iCE40 a
flip-flop that no lookup table feeds takes a cell of its own, and counts as one. Run from the repository: ``python
benchmarks/resources.py [DESIGNS]`` (an hour for all); what ``resources.json`` holds already is not built again.
Where yosys itself fails, ``built`` is empty.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from cells import CELLS, network
from common import kept, save

from ffhw.boards import catalogue
from ffhw.boards.built import cell_types, compare_with_prediction, count_luts
from ffhw.boards.plan import plan
from ffhw.boards.synthesis import run_yosys
from ffhw.boards.tools import Toolbox, ToolFailed
from ffhw.bundle import Bundle, write_bundle
from ffhw.export import bundle_files
from ffhw.hdl.plan.chain import fold
from ffhw.hdl.plan.choose import needs
from ffhw.model.data import Data
from ffhw.model.network import Network
from ffhw.numbers.grids import WeightBits

BOARDS = ("icebreaker", "ulx3s-85f", "tangnano9k")
WEIGHTS, BITS = (2, 3, 4, 6, 8, "ternary", "binary"), (2, 3, 4, 6, 8)
FOLDINGS = ((1, 1), (1, 4), (2, 2), (4, 1), (1, 8), (4, 4))
DESIGNS = 60


class Drawn(NamedTuple):
    """A design."""

    board: str
    cell: str
    units: int
    inputs: int
    weights: WeightBits
    bits: int
    lanes: int
    simd: int


def drawn(number: int) -> Drawn:
    """The design of a number: the boards in turn, all else at random."""
    rng = np.random.default_rng(number)
    lanes, simd = FOLDINGS[rng.integers(len(FOLDINGS))]
    return Drawn(
        board=BOARDS[number % len(BOARDS)],
        cell=CELLS[rng.integers(len(CELLS))],
        units=int(rng.integers(8, 33)),
        inputs=int(rng.integers(2, 17)),
        weights=WEIGHTS[rng.integers(len(WEIGHTS))],
        bits=BITS[rng.integers(len(BITS))],
        lanes=lanes,
        simd=simd,
    )


def drawn_network(design: Drawn) -> Network:
    """A layer with random weights of a trained network's size."""
    return network(design.cell, design.units, design.inputs, design.bits, design.weights)


def bundle_of(design: Drawn, folder: Path) -> Bundle:
    """The design as `ffhw export` leaves it."""
    net = drawn_network(design)
    data = Data(np.zeros((8, 60, design.inputs)), np.full(8, 60))
    return write_bundle(folder / "build", bundle_files(net, fold(net, design.lanes, design.simd), data))


def synthesized(bundle: Bundle, board: catalogue.Board, folder: Path) -> dict[str, Any]:
    """Netlist of the core in the test wrapper."""
    built = plan(bundle, board, 1)
    for name, text in built.files.items():
        (folder / name).write_text(text)
    run_yosys(built, Toolbox(folder, lambda _: None, lambda _: None))
    netlist: dict[str, Any] = json.loads((folder / "top.json").read_text())
    return netlist


def lookup_tables(netlist: dict[str, Any], types: dict[str, str]) -> int:
    """Lookup tables of a netlist, and flip-flops that take one's place."""
    cells = netlist["modules"]["top"]["cells"].values()
    sources = {cell["connections"]["O"][0] for cell in cells if cell["type"] == "SB_LUT4"}
    alone = [c for c in cells if c["type"].startswith("SB_DFF") and c["connections"]["D"][0] not in sources]
    return count_luts(types) + len(alone)


def predicted(design: Drawn) -> dict[str, int]:
    """What the plan says of a design."""
    net = drawn_network(design)
    need = needs(net, fold(net, design.lanes, design.simd), catalogue.board(design.board).device)
    return {"multipliers": need["multipliers"], "block_rams": need["blocks"], "luts": need["luts"]}


def measured(design: Drawn, folder: Path) -> dict[str, int]:
    """What yosys makes of a design."""
    board, bundle = catalogue.board(design.board), bundle_of(design, folder)
    netlist = synthesized(bundle, board, folder)
    types = cell_types(netlist)
    built: dict[str, int] = compare_with_prediction(types, bundle.network(), bundle.foldings(), board.device)["built"]
    return {**built, "luts": lookup_tables(netlist, types)}


def keep(built: dict[int, dict[str, int]]) -> None:
    """Write all that was built, beside what the plan says of it now."""
    rows = []
    for number, found in sorted(built.items()):
        design = drawn(number)
        rows.append({"number": number, **design._asdict(), "predicted": predicted(design), "built": found})
    save("resources", {"rows": rows})


def main() -> None:
    rows = kept("resources")
    built = {row["number"]: row["built"] for row in rows}
    for number in range(int(sys.argv[1]) if sys.argv[1:] else DESIGNS):
        if number in built:
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                built[number] = measured(drawn(number), Path(folder))
            except ToolFailed:
                built[number] = {}
        print(number, built[number], flush=True)
        keep(built)
    keep(built)


if __name__ == "__main__":
    main()

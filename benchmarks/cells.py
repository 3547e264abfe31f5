"""The cells against each other, from one generator: what each costs at equal units and multipliers, and at equal rate.

The first table is counted, by the performance model, which simulation holds to the cycle: equal units, inputs and bits,
the lanes' multipliers the same for all cells. The others are built: each netlist is simulated against the golden model,
then placed and routed; Fmax is the median of five seeds; toggles are those of the registers in the simulated RTL. Run
from the repository: ``python benchmarks/cells.py`` (eight hours of a core; ``--jobs 2`` builds two at a time); designs
that ``cells.json`` holds already are not built again; delete it to measure all of them.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import dataclasses
import itertools
import json
import statistics
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from common import kept, save

from ffhw.boards import catalogue
from ffhw.boards.built import parse_fmax
from ffhw.boards.catalogue import Board
from ffhw.boards.flow import plan, synthesize, tool_versions
from ffhw.boards.synthesis import run_yosys
from ffhw.boards.tools import Toolbox
from ffhw.bundle import Bundle, write_bundle
from ffhw.errors import FitError
from ffhw.export import bundle_files
from ffhw.hdl.plan.chain import complete, plans
from ffhw.hdl.plan.choose import choose
from ffhw.hdl.plan.folding import Folding, schedule
from ffhw.hdl.plan.performance import predict
from ffhw.layers import KINDS
from ffhw.layers.float_recurrent import FloatRecurrent
from ffhw.model.data import Data
from ffhw.model.floatnet import FloatNetwork
from ffhw.model.network import Network
from ffhw.model.quantize import quantize
from ffhw.numbers.grids import WeightBits
from ffhw.numbers.scales import Widths
from ffhw.processes import scratch_folder
from ffhw.sim.check import Check, simulate
from ffhw.sim.netlist import check_netlist
from ffhw.sim.scenario import Interface
from ffhw.sim.toggles import register_toggles

CELLS = ("jk", "sr", "toggle", "simple_rnn", "gru", "gru_reset_before", "lstm")
UNITS, INPUTS, BITS = (16, 32, 64, 128), (3, 16), (4, 8)
MULTIPLIERS = 12  # of the lanes: one for each gate of a lane, so that 1, 2, 3 and 4 gates all divide them
STEPS = 100  # of each sequence that is simulated
SEEDS = 5  # of the placement
# Steps a second that each cell's design must hold, for the comparison at equal rate.
RATES = {"ulx3s-85f": 200_000, "icebreaker": 25_000, "tangnano9k": 100_000}


@dataclasses.dataclass(frozen=True)
class Design:
    """One design to build: so many multipliers in the lanes, or what holds the board's rate where that is None."""

    cell: str
    board: str = "ulx3s-85f"
    units: int = 32
    inputs: int = 16
    bits: int = 8
    lane_multipliers: int | None = MULTIPLIERS


BOARDS = (("ulx3s-85f", MULTIPLIERS), ("icebreaker", 4), ("tangnano9k", MULTIPLIERS))
DESIGNS = (
    *(Design(cell, board, lane_multipliers=lanes) for board, lanes in BOARDS for cell in CELLS),
    *(Design(cell, board, lane_multipliers=None) for board, _ in BOARDS for cell in CELLS),
    *(Design(cell, board, bits=4, lane_multipliers=lanes) for board, lanes in BOARDS for cell in CELLS),
    *(Design(cell, board, inputs=3, lane_multipliers=lanes) for board, lanes in BOARDS for cell in CELLS),
    *(
        Design(cell, board, units=units, lane_multipliers=lanes)
        for units in (64, 16, 128)
        for board, lanes in BOARDS
        for cell in CELLS
    ),
)


def random_layer(
    rng: np.random.Generator, cell: str, units: int, inputs: int, every_step: bool = True
) -> FloatRecurrent:
    """A layer with random weights of a trained network's size."""
    trained, quantized = KINDS[cell]
    assert issubclass(trained, FloatRecurrent)
    gates, sums = len(quantized.gate_tables), len(quantized.gate_tables) + quantized.apart
    return trained(
        name=cell,
        weights_x=rng.normal(0, 0.5, (gates, units, inputs)),
        weights_h=rng.normal(0, 2 / units**0.5, (gates, units, units)),
        bias=rng.normal(-0.5, 0.5, (sums, units)),
        return_sequences=every_step,
    )


def network(cell: str, units: int, inputs: int, bits: int, weights: WeightBits | None = None) -> Network:
    """A network of one such layer."""
    rng = np.random.default_rng(1)
    layer = random_layer(rng, cell, units, inputs)
    return quantize(
        FloatNetwork(cell, (layer,)), rng.normal(size=(8, 60, inputs)), widths=Widths(bits, weight_bits=weights)
    )


def folded(net: Network, multipliers: int) -> tuple[Folding | None, ...]:
    """As many lanes as make so many multipliers, or the next fewer."""
    (layer,) = net.layers
    return complete(net, [Folding(max(1, multipliers // schedule(layer, Folding(1, 1)).macs), 1)])


def counted(cell: str, units: int, inputs: int, bits: int) -> dict[str, object]:
    """What the plan counts, at equal multipliers of the lanes."""
    net = network(cell, units, inputs, bits)
    foldings = folded(net, MULTIPLIERS)
    (engine,), performance = plans(net, foldings), predict(net, foldings)
    (layer,) = net.layers
    products, macs = engine.useful_products()
    return {
        "cell": cell,
        "units": units,
        "inputs": inputs,
        "bits": bits,
        "multiplications_per_step": products,
        "weight_bits_read_per_step": products * layer.weight_bits,
        "weight_memory_bits": products * layer.weight_bits,
        "state_bits": sum(fmt.bits for fmt in layer.state_formats) * units,
        "lane_multipliers": macs,
        "multipliers": performance.multipliers,
        "memory_bits": performance.memory_bits,
        "cycles_per_step": performance.cycles_per_step,
        "stall_cycles_per_step": performance.engines[0].stall_cycles_per_step,
        "latency_cycles": performance.latency_cycles,
    }


def foldings_of(design: Design, net: Network) -> tuple[Folding | None, ...]:
    """The folding of a design.

    Raises
    ------
    FitError: nothing on its board holds the rate.
    """
    if design.lane_multipliers is not None:
        return folded(net, design.lane_multipliers)
    board = catalogue.board(design.board)
    return choose(net, board.device, board.title, RATES[design.board])


def built(design: Design, have: dict[str, Any]) -> dict[str, Any]:
    """One design on one board, from the tools' own reports; of what is there already only seeds are added.

    Parameters
    ----------
    have: its row of an earlier run, or nothing.
    """
    with tempfile.TemporaryDirectory() as folder:
        row: dict[str, Any] = dataclasses.asdict(design)
        net = network(design.cell, design.units, design.inputs, design.bits)
        try:
            foldings = foldings_of(design, net)
            x = np.random.default_rng(2).normal(size=(20, STEPS, design.inputs))
            files = bundle_files(net, foldings, Data(x, np.full(len(x), STEPS)))
            bundle = write_bundle(Path(folder, "build"), files)
            kept = have.get("tools") == tool_versions()
            row |= have if kept else measured(bundle, design, net, foldings)
        except FitError as error:
            return {**row, "does_not_fit": str(error).partition("; logs in")[0]}
        more = range(len(row["fmax_mhz_by_seed"]) + 1, SEEDS + 1)
        row["fmax_mhz_by_seed"] += placed_again(bundle, catalogue.board(design.board), more)
    row["fmax_mhz"] = statistics.median(row["fmax_mhz_by_seed"])
    row["steps_per_second"] = round(row["fmax_mhz"] * 1e6 / row["cycles_per_step"])
    return row


def measured(bundle: Bundle, design: Design, net: Network, foldings: Sequence[Folding | None]) -> dict[str, Any]:
    """Of a design's bundle: simulated, its netlist simulated, placed and routed with the first seed.

    Raises
    ------
    FitError: it does not fit the board.
    """
    simulation = simulate(bundle.path, Check(every=True))
    run = synthesize(bundle.path, catalogue.board(design.board), 1, check=check_netlist)
    cycles = simulation["cycles_per_step"]
    sequence = bundle.vectors()["codes"][0].astype(np.int64)
    changes, _ = register_toggles(bundle.rtl, Interface(net, tuple(foldings)), sequence, cycles)
    return {
        **{kind: count["used"] for kind, count in run["utilisation"].items()},
        "cycles_per_step": cycles,
        "latency_cycles": bundle.json("performance.json")["latency_cycles"],
        "fmax_mhz_by_seed": [run["fmax_mhz"]],
        "register_toggles_per_step": round(changes / STEPS),
        "codes_compared": simulation["compared"],
        **{key: run[key] for key in ("netlist", "predicted", "built", "differences", "tools")},
    }


def placed_again(bundle: Bundle, board: Board, seeds: Iterable[int]) -> list[float]:
    """Fmax of further seeds: those of the placement, the netlist is the same for all."""
    found = []
    with scratch_folder("seeds") as folder:
        tools = Toolbox(folder, lambda _: None, lambda _: None)
        for seed in seeds:
            todo = plan(bundle, board, seed)
            for file, text in todo.files.items():
                (folder / file).write_text(text)
            _, (place, placing), *_ = todo.commands
            if not (folder / "top.json").exists():
                run_yosys(todo, tools)
            tools.run(place, placing, "pnr.log")
            found.append(parse_fmax(json.loads((folder / "report.json").read_text())))
    return found


def complete_row(row: dict[str, Any]) -> bool:
    return "does_not_fit" in row or len(row["fmax_mhz_by_seed"]) >= SEEDS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=1, help="designs built at a time")
    jobs = parser.parse_args().jobs
    rows = [counted(*case) for case in itertools.product(CELLS, UNITS, INPUTS, BITS)]
    names = [field.name for field in dataclasses.fields(Design)]
    have = {Design(*(row[name] for name in names)): row for row in kept("cells", "built")}
    todo = [design for design in DESIGNS if design not in have or not complete_row(have[design])]
    with concurrent.futures.ProcessPoolExecutor(jobs) as pool:
        running = {pool.submit(built, design, have.get(design, {})): design for design in todo}
        for done in concurrent.futures.as_completed(running):
            have[running[done]] = row = done.result()
            shown = {key: row.get(key) for key in (*names, "luts", "fmax_mhz", "steps_per_second")}
            print(shown, flush=True)
            in_order = [have[design] for design in DESIGNS if design in have]
            save("cells", {"lane_multipliers": MULTIPLIERS, "rates": RATES, "counted": rows, "built": in_order})


if __name__ == "__main__":
    main()

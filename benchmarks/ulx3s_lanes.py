"""One JK engine of 64 units, 16 inputs and 8 bits on the ULX3S 85F at 1, 4 and 16 lanes.

Cycles are measured in simulation, code for code against the golden model; logic and clock come from place and route,
the median of three placement seeds, of a netlist that was simulated against the golden model too. Run from the
repository: ``python benchmarks/ulx3s_lanes.py``.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

import numpy as np
from common import save

from ffhw.boards import catalogue
from ffhw.boards.flow import synthesize
from ffhw.bundle import write_bundle
from ffhw.export import bundle_files
from ffhw.hdl.plan.chain import fold
from ffhw.layers.jk import FloatJK
from ffhw.model.data import Data
from ffhw.model.floatnet import FloatNetwork
from ffhw.model.quantize import quantize
from ffhw.sim.check import Check, simulate
from ffhw.sim.netlist import check_netlist

UNITS, INPUTS, SEEDS = 64, 16, (1, 2, 3)


def network_and_data():
    """Random weights of a trained network's size, and random inputs."""
    rng = np.random.default_rng(1)
    layer = FloatJK(
        "jk",
        rng.normal(0, 0.5, (2, UNITS, INPUTS)),
        rng.normal(0, 0.3, (2, UNITS, UNITS)),
        rng.normal(-1, 0.5, (2, UNITS)),
        return_sequences=True,
    )
    x = rng.normal(size=(20, 200, INPUTS))
    return quantize(FloatNetwork("jk64", (layer,)), x), Data(x, np.full(len(x), 200))


def measure(network, data, lanes: int, folder: Path) -> dict[str, object]:
    bundle = write_bundle(folder / f"lanes{lanes}", bundle_files(network, fold(network, lanes, 1), data))
    simulation = simulate(bundle.path, Check(every=True))
    # the seed is one of the placement: the netlist is the same for all
    checks = (check_netlist, *[None] * (len(SEEDS) - 1))
    board = catalogue.board("ulx3s-85f")
    runs = [synthesize(bundle.path, board, seed, check=check) for seed, check in zip(SEEDS, checks, strict=True)]
    fmax = statistics.median(run["fmax_mhz"] for run in runs)
    cycles = simulation["cycles_per_step"]
    used = {kind: count["used"] for kind, count in runs[0]["utilisation"].items()}
    ideal = sum(engine["ideal_cycles_per_step"] for engine in bundle.json("performance.json")["engines"])
    return {
        "lanes": lanes,
        **used,
        "fmax_mhz": fmax,
        "fmax_mhz_by_seed": [run["fmax_mhz"] for run in runs],
        "cycles_per_step": cycles,
        "ideal_cycles_per_step": ideal,
        "steps_per_second": round(fmax * 1e6 / cycles),
        "mac_utilisation": runs[0]["mac_utilisation"],
        "codes_compared": simulation["compared"],
        "netlist": runs[0]["netlist"],
        "predicted": runs[0]["predicted"],
        "built": runs[0]["built"],
        "differences": runs[0]["differences"],
        "tools": runs[0]["tools"],
    }


def main() -> None:
    network, data = network_and_data()
    with tempfile.TemporaryDirectory() as name:
        rows = [measure(network, data, lanes, Path(name)) for lanes in (1, 4, 16)]
    save(
        "ulx3s_lanes", {"units": UNITS, "inputs": INPUTS, "bits": 8, "board": "ulx3s-85f", "seeds": SEEDS, "rows": rows}
    )
    print(
        "| lanes | LUTs | flip-flops | multipliers | block RAMs | Fmax | cycles a step | steps a second | MACs busy |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        print(
            f"| {row['lanes']} | {row['luts']:,} | {row['flip_flops']:,} | {row['multipliers']} | {row['block_rams']} "
            f"| {row['fmax_mhz']:.0f} MHz | {row['cycles_per_step']:,} | {row['steps_per_second']:,} "
            f"| {row['mac_utilisation']:.1%} |"
        )


if __name__ == "__main__":
    main()

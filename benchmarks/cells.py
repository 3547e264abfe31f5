"""The cells against each other, from one generator: what each costs at equal units and at equal multipliers.

The first table is counted, by the performance model, which simulation holds to the cycle: equal units, inputs and bits,
the lanes' multipliers the same for all cells. The second is built: each netlist is simulated against the golden model,
then placed and routed; Fmax is the median of the seeds. Run from the repository: ``python benchmarks/cells.py`` (half
an hour); designs that ``cells.json`` holds already are not built again; delete it to measure all of them.
"""

from __future__ import annotations

import itertools
import json
import statistics
import tempfile
from pathlib import Path

import numpy as np
from common import save

from ffhw.boards import catalogue
from ffhw.boards.flow import synthesize
from ffhw.bundle import write_bundle
from ffhw.errors import FitError
from ffhw.export import bundle_files
from ffhw.hdl.plan.chain import complete, plans
from ffhw.hdl.plan.folding import Folding
from ffhw.hdl.plan.performance import predict
from ffhw.layers import KINDS
from ffhw.layers.float_recurrent import FloatRecurrent
from ffhw.model.data import Data
from ffhw.model.floatnet import FloatNetwork
from ffhw.model.network import Network
from ffhw.model.quantize import quantize
from ffhw.numbers.scales import Widths
from ffhw.sim.check import Check, simulate
from ffhw.sim.netlist import check_netlist

CELLS = ("jk", "sr", "toggle", "simple_rnn", "gru", "lstm")
UNITS, INPUTS, BITS = (16, 32, 64, 128), (3, 16), (4, 8)
MULTIPLIERS = 12  # of the lanes: one for each gate of a lane, so that 1, 2, 3 and 4 gates all divide them
BUILT = {"units": 32, "inputs": 16, "bits": 8}
# board, multipliers of the lanes, seeds
BOARDS = (("ulx3s-85f", 12, (1, 2, 3)), ("icebreaker", 4, (1,)), ("tangnano9k", 12, (1,)))


def network(cell: str, units: int, inputs: int, bits: int) -> Network:
    """A layer with random weights of a trained network's size."""
    rng = np.random.default_rng(1)
    trained, quantized = KINDS[cell]
    assert issubclass(trained, FloatRecurrent)
    gates, sums = len(quantized.gate_tables), len(quantized.gate_tables) + quantized.apart
    layer = trained(
        name=cell,
        weights_x=rng.normal(0, 0.5, (gates, units, inputs)),
        weights_h=rng.normal(0, 2 / units**0.5, (gates, units, units)),
        bias=rng.normal(-0.5, 0.5, (sums, units)),
        return_sequences=True,
    )
    return quantize(FloatNetwork(cell, (layer,)), rng.normal(size=(8, 60, inputs)), widths=Widths(bits))


def folded(net: Network, multipliers: int) -> tuple[Folding | None, ...]:
    """As many lanes as make so many multipliers, or the next fewer."""
    (layer,) = net.layers
    return complete(net, [Folding(max(1, multipliers // layer.gates), 1)])


def counted(cell: str, units: int, inputs: int, bits: int) -> dict[str, object]:
    """What the plan counts, at equal multipliers of the lanes."""
    net = network(cell, units, inputs, bits)
    foldings = folded(net, MULTIPLIERS)
    (plan,), performance = plans(net, foldings), predict(net, foldings)
    (layer,) = net.layers
    products, macs = plan.useful_products()
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


def built(cell: str, name: str, multipliers: int, seeds: tuple[int, ...], folder: Path) -> dict[str, object]:
    """One design on one board, from the tools' own reports."""
    net = network(cell, **BUILT)
    x = np.random.default_rng(2).normal(size=(20, 100, BUILT["inputs"]))
    data = Data(x, np.full(len(x), x.shape[1]))
    bundle = write_bundle(folder / f"{cell}-{name}", bundle_files(net, folded(net, multipliers), data))
    simulation = simulate(bundle.path, Check(every=True))
    row: dict[str, object] = {"cell": cell, "board": name, "cycles_per_step": simulation["cycles_per_step"]}
    row |= {"latency_cycles": bundle.json("performance.json")["latency_cycles"]}
    row |= {"codes_compared": simulation["compared"]}
    checks = (check_netlist, *[None] * (len(seeds) - 1))
    try:
        runs = [
            synthesize(bundle.path, catalogue.board(name), seed, check=check)
            for seed, check in zip(seeds, checks, strict=True)
        ]
    except FitError as error:
        return {**row, "does_not_fit": str(error)}
    fmax = statistics.median(run["fmax_mhz"] for run in runs)
    row |= {kind: count["used"] for kind, count in runs[0]["utilisation"].items()}
    row |= {"fmax_mhz": fmax, "fmax_mhz_by_seed": [run["fmax_mhz"] for run in runs]}
    row |= {"steps_per_second": round(fmax * 1e6 / simulation["cycles_per_step"])}
    keys = ("netlist", "predicted", "built", "differences", "tools")
    return row | {key: runs[0][key] for key in keys}


def main() -> None:
    path = Path(__file__).with_name("cells.json")
    kept = json.loads(path.read_text())["built"] if path.exists() else []
    rows = [counted(*case) for case in itertools.product(CELLS, UNITS, INPUTS, BITS)]
    done = list(kept)
    have = {(row["board"], row["cell"]) for row in kept}
    with tempfile.TemporaryDirectory() as folder:
        for (name, multipliers, seeds), cell in itertools.product(BOARDS, CELLS):
            if (name, cell) in have:
                continue
            done.append(built(cell, name, multipliers, seeds, Path(folder)))
            print(
                {k: v for k, v in done[-1].items() if k not in ("netlist", "predicted", "built", "tools")}, flush=True
            )
            save("cells", {"lane_multipliers": MULTIPLIERS, "counted": rows, "built_sizes": BUILT, "built": done})


if __name__ == "__main__":
    main()

"""What networks of gates take: lookup tables a neuron and Fmax, of random JK layers with states and inputs of one bit.

The core alone is placed and routed; every netlist is held against the golden model. What ``gates.json`` holds already
is not built again. Run from the repository: ``python benchmarks/gates.py`` (a quarter of an hour).
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from common import kept, save

from ffhw.boards import catalogue
from ffhw.boards.flow import synthesize
from ffhw.bundle import write_bundle
from ffhw.export import bundle_files
from ffhw.hdl.plan.chain import fold
from ffhw.layers.jk import FloatJK
from ffhw.model.data import Data
from ffhw.model.floatnet import FloatNetwork
from ffhw.model.quantize import quantize
from ffhw.numbers.scales import Widths
from ffhw.sim.netlist import check_netlist

WEIGHTS = ("binary", "ternary", 2)
# board, units, inputs
SIZES = (("icebreaker", 16, 8), ("ulx3s-85f", 16, 8))


def build(board_name: str, units: int, inputs: int, weights: int | str, folder: Path) -> dict[str, Any]:
    """The figures of one design."""
    rng, board = np.random.default_rng(1), catalogue.board(board_name)
    layer = FloatJK(
        "jk", rng.normal(size=(2, units, inputs)), rng.normal(size=(2, units, units)), rng.normal(size=(2, units)), True
    )
    x = rng.normal(size=(8, 32, inputs))
    network = quantize(FloatNetwork("gates", (layer,)), x, widths=Widths(1, weight_bits=weights))
    files = bundle_files(network, fold(network, 1, 1, "gates"), Data(x, np.full(8, 32)))
    bundle = write_bundle(folder / "build", files)
    result = synthesize(bundle.path, board, check=check_netlist, link=None)
    assert result["netlist"]["equal"]
    return {
        "luts": result["utilisation"]["luts"]["used"],
        "luts_per_neuron": result["luts_per_neuron"],
        "fmax_mhz": result["fmax_mhz"],
    }


def main() -> None:
    rows = kept("gates")
    for size in SIZES:
        for weights in WEIGHTS:
            design = dict(zip(("board", "units", "inputs", "weights"), (*size, weights), strict=True))
            if any(design.items() <= row.items() for row in rows):
                continue
            with tempfile.TemporaryDirectory() as folder:
                rows.append({**design, **build(*size, weights, Path(folder))})
            print(rows[-1], flush=True)
            save("gates", {"rows": rows})


if __name__ == "__main__":
    main()

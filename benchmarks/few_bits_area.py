"""What the networks of ``few_bits.py`` take of an iCEBreaker at each width: lookup tables, multipliers, rate.

Networks of JapaneseVowels' size, 32 units of each cell and a dense readout, weights at random; one lane, so that all of
them fit, the core alone. Every netlist is simulated against the golden model before it is placed and routed, one seed.
Run from the repository: ``python benchmarks/few_bits_area.py`` (an hour); what ``few_bits_area.json`` holds already is
not built again.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from cells import random_layer
from common import kept, save
from few_bits import CELL_BITS, CELLS, SETS

from ffhw.boards import catalogue
from ffhw.boards.flow import synthesize
from ffhw.bundle import write_bundle
from ffhw.errors import FitError
from ffhw.export import bundle_files
from ffhw.hdl.plan.chain import fold
from ffhw.layers.dense import FloatDense
from ffhw.model.data import Data
from ffhw.model.floatnet import FloatNetwork
from ffhw.model.network import Network
from ffhw.model.quantize import quantize
from ffhw.numbers.scales import Widths
from ffhw.sim.netlist import check_netlist

INPUTS, UNITS, CLASSES = 12, 32, 9
BOARD, LANES, SIMD = catalogue.board("icebreaker"), 1, 1
_KIND = {"rnn": "simple_rnn"}


def network(cell: str, widths: Widths, x: np.ndarray) -> Network:
    """The task's network with random weights, calibrated on ``x``."""
    rng = np.random.default_rng(1)
    layer = random_layer(rng, _KIND.get(cell, cell), UNITS, INPUTS, every_step=False)
    readout = FloatDense("readout", rng.normal(0, 0.5, (CLASSES, UNITS)), np.zeros(CLASSES), "softmax")
    return quantize(FloatNetwork(cell, (layer, readout)), x, widths=widths)


def build(cell: str, bits: int, weights: Any, states: int, folder: Path) -> dict[str, Any]:
    """The figures of one design, from the tools' own reports."""
    x = np.random.default_rng(2).normal(size=(8, 20, INPUTS))
    net = network(cell, Widths(bits, weights, states, cell_bits=CELL_BITS), x)
    bundle = write_bundle(folder / "build", bundle_files(net, fold(net, LANES, SIMD), Data(x, np.full(8, 20))))
    about = {"cell": cell, "bits": bits, "weight_bits": weights, "state_bits": states}
    try:
        result = synthesize(bundle.path, BOARD, check=check_netlist, link=None)
    except FitError as error:
        return {**about, "does_not_fit": str(error)}
    assert result["netlist"]["equal"]
    used = {key: count["used"] for key, count in result["utilisation"].items()}
    rate = result["fmax_mhz"] * 1e6 / result["cycles_per_step"]
    return {
        **about,
        **used,
        "fmax_mhz": result["fmax_mhz"],
        "cycles_per_step": result["cycles_per_step"],
        "steps_per_s": round(rate),
    }


def main() -> None:
    rows = kept("few_bits_area")
    there = {(row["cell"], row["bits"], row["weight_bits"], row["state_bits"]) for row in rows}
    for bits, weights, states in SETS:
        for cell in CELLS:
            if (cell, bits, weights, states) in there or (states == 1 and cell != "jk"):
                continue
            with tempfile.TemporaryDirectory() as folder:
                rows.append(build(cell, bits, weights, states, Path(folder)))
            print(rows[-1], flush=True)
            save("few_bits_area", {"board": BOARD.name, "lanes": LANES, "simd": SIMD, "units": UNITS, "rows": rows})


if __name__ == "__main__":
    main()

"""How many lookup tables an engine takes: three numbers, fitted to the designs of ``cells.json``.

``luts = engine + accumulator_bit * bits of all accumulators + finisher_bit * bits of all finishing stages``, by least
squares of the relative error, over all families. Reads what ``cells.py`` wrote and runs no tool. The error is
that of leaving one design out and predicting it from the others; the test wrapper's own logic is in what is fitted.
``ffhw/hdl/plan/weighted.py`` holds the result, rounded; a test compares them. Run from the repository: ``python
benchmarks/logic.py``.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from cells import Design, foldings_of, network
from common import HERE, save

from ffhw.hdl.plan.chain import plans
from ffhw.hdl.plan.weighted import WeightedPlan


def points() -> list[tuple[list[int], int]]:
    """What is counted of each design, and the lookup tables that were built."""
    found = []
    for row in json.loads((HERE / "cells.json").read_text())["built"]:
        if "luts" in row and row["lane_multipliers"] is not None:
            design = Design(*(row[name] for name in Design.__dataclass_fields__))
            net = network(design.cell, design.units, design.inputs, design.bits)
            (plan,) = plans(net, foldings_of(design, net))
            assert isinstance(plan, WeightedPlan)
            assert plan.folding.simd == 1
            found.append(([1, plan.accumulator_bits(), plan.finisher_bits()], row["luts"]))
    return found


def fit(designs: list[tuple[list[int], int]]) -> dict[str, Any]:
    """The three numbers, and the largest and the mean relative error of a design that was left out."""
    errors = []
    for left_out, (counted, built) in enumerate(designs):
        numbers = _solve([design for n, design in enumerate(designs) if n != left_out])
        errors.append(abs(float(counted @ numbers) - built) / built)
    engine, accumulator_bit, finisher_bit = (float(number) for number in _solve(designs))
    return {
        "designs": len(designs),
        "engine": engine,
        "accumulator_bit": accumulator_bit,
        "finisher_bit": finisher_bit,
        "largest_error": max(errors),
        "mean_error": sum(errors) / len(errors),
    }


def _solve(designs: list[tuple[list[int], int]]) -> Any:
    counted, built = (np.array(column, dtype=float) for column in zip(*designs, strict=True))
    return np.linalg.lstsq(counted / built[:, None], np.ones(len(built)), rcond=None)[0]


def main() -> None:
    result = fit(points())
    save("logic", result)
    print({key: round(value, 2) for key, value in result.items()})


if __name__ == "__main__":
    main()

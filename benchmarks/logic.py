"""How many lookup tables an engine takes: four numbers, fitted to the designs of ``cells.json`` and ``resources.json``.

``luts = engine + accumulator_bit * bits of all accumulators + finisher_bit * bits of all finishing stages + adder_bit *
bits of other adders``, besides the memories and products that are made of lookup tables by rules of their own
(``ffhw/hdl/plan/devices.py``); by least squares of the relative error, over all families. Reads what ``cells.py`` and
``resources.py`` wrote and runs no tool. The error is that of leaving one design out and predicting it from the others;
the test wrapper's own logic is in what is fitted. ``ffhw/hdl/plan/weighted.py`` holds the result, rounded; a test
compares them. Run from the repository: ``python benchmarks/logic.py``.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import numpy as np
from cells import Design, foldings_of, network
from common import HERE, save
from resources import Drawn, drawn_network

from ffhw.boards import catalogue
from ffhw.hdl.plan.chain import fold, plans
from ffhw.hdl.plan.choose import needs
from ffhw.hdl.plan.folding import Foldings
from ffhw.hdl.plan.weighted import WeightedPlan
from ffhw.model.network import Network


class Point(NamedTuple):
    """What is counted of a design, what is known of it without a fit, and the lookup tables that were built."""

    counted: tuple[int, ...]
    known: int
    built: int


def points() -> list[Point]:
    """All designs that were built."""
    found = []
    for row in _rows("cells", "built"):
        if "luts" in row and row["lane_multipliers"] is not None:
            design = Design(*(row[name] for name in Design.__dataclass_fields__))
            net = network(design.cell, design.units, design.inputs, design.bits)
            found.append(_point(net, foldings_of(design, net), design.board, row["luts"]))
    for row in filter(lambda row: row["built"], _rows("resources", "rows")):
        drawn = Drawn(*(row[name] for name in Drawn._fields))
        net = drawn_network(drawn)
        found.append(_point(net, fold(net, drawn.lanes, drawn.simd), drawn.board, row["built"]["luts"]))
    return found


def _rows(name: str, rows: str) -> Any:
    return json.loads((HERE / f"{name}.json").read_text())[rows]


def _point(net: Network, foldings: Foldings, board: str, built: int) -> Point:
    (plan,) = plans(net, foldings)
    assert isinstance(plan, WeightedPlan)
    known = needs(net, foldings, catalogue.board(board).device)["luts"] - plan.luts()
    return Point((1, plan.accumulator_bits(), plan.finisher_bits(), plan.adder_bits()), known, built)


def fit(designs: list[Point]) -> dict[str, Any]:
    """The four numbers, and the largest and the mean relative error of a design that was left out."""
    errors = []
    for left_out, (counted, known, built) in enumerate(designs):
        numbers = _solve([design for n, design in enumerate(designs) if n != left_out])
        errors.append(abs(float(np.dot(counted, numbers)) + known - built) / built)
    engine, accumulator_bit, finisher_bit, adder_bit = (float(number) for number in _solve(designs))
    return {
        "designs": len(designs),
        "engine": engine,
        "accumulator_bit": accumulator_bit,
        "finisher_bit": finisher_bit,
        "adder_bit": adder_bit,
        "largest_error": max(errors),
        "mean_error": sum(errors) / len(errors),
    }


def _solve(designs: list[Point]) -> Any:
    counted, known, built = (np.array(column, dtype=float) for column in zip(*designs, strict=True))
    return np.linalg.lstsq(counted / built[:, None], 1 - known / built, rcond=None)[0]


def main() -> None:
    result = fit(points())
    save("logic", result)
    print({key: round(value, 2) for key, value in result.items()})


if __name__ == "__main__":
    main()

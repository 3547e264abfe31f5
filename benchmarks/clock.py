"""How Fmax depends on the multipliers of a design: a line for each family, fitted to all that was placed and routed.

Reads what the other scripts wrote and runs no tool. The error is that of leaving one design out and predicting it from
the others. ``ffhw/hdl/plan/devices.py`` holds the result, rounded; a test compares them. Run from the repository:
``python benchmarks/clock.py``.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from common import HERE, save

from ffhw.boards.catalogue import Board

# Every run of these scripts is one point: board, multipliers, MHz.
Point = tuple[str, int, float]


def points() -> list[Point]:
    """What was placed and routed, by family."""
    found: list[tuple[str, Any]] = []
    found += [("ulx3s-85f", row) for row in _read("ulx3s_lanes")["rows"]]
    found += [(name, row) for task in _read("examples")["examples"] for name, row in task["boards"].items()]
    found += [(row["board"], row) for row in _read("cells")["built"]]
    placed = [(name, row) for name, row in found if "fmax_mhz" in row]
    return [(Board.BY_NAME[name].family.name, _multipliers(row), row["fmax_mhz"]) for name, row in placed]


def fit(family: list[tuple[int, float]]) -> dict[str, float | int]:
    """``MHz = smallest - loss * multipliers`` by least squares, the loss not below 0; the largest error left out."""
    errors = []
    for left_out, (multipliers, mhz) in enumerate(family):
        smallest, loss = _line([point for n, point in enumerate(family) if n != left_out])
        errors.append(abs(smallest - loss * multipliers - mhz) / mhz)
    smallest, loss = _line(family)
    return {"designs": len(family), "smallest_mhz": smallest, "mhz_a_multiplier": loss, "largest_error": max(errors)}


def _line(family: list[tuple[int, float]]) -> tuple[float, float]:
    multipliers, mhz = np.array(family, dtype=float).T
    slope, start = np.polyfit(multipliers, mhz, 1)
    return (float(start), float(-slope)) if slope < 0 else (float(mhz.mean()), 0.0)


def _multipliers(row: dict[str, Any]) -> int:
    return int(row["multipliers"] if "multipliers" in row else row["utilisation"]["multipliers"]["used"])


def _read(name: str) -> Any:
    return json.loads((HERE / f"{name}.json").read_text())


def main() -> None:
    families: dict[str, list[tuple[int, float]]] = {}
    for family, multipliers, mhz in points():
        families.setdefault(family, []).append((multipliers, mhz))
    result = {family: fit(found) for family, found in families.items()}
    save("clock", result)
    for family, line in result.items():
        print(family, {key: round(value, 3) for key, value in line.items()})


if __name__ == "__main__":
    main()

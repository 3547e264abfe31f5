"""Draws docs/few-bits.png of ``few_bits.json`` and ``few_bits_area.json``: accuracy against bits, and against area.

Above, a panel a task: means over the seeds by width, quantized only (dotted) and trained on integers. Below:
JapaneseVowels' accuracy against lookup tables and against block RAMs of the iCEBreaker's designs, and those that none
beats in both. Run from the repository: ``python benchmarks/few_bits_plot.py``.
"""

from __future__ import annotations

import io
import statistics
from typing import Any

from common import HERE
from tables import read

from ffhw.explore.front import front
from ffhw.files import write_atomic
from ffhw.report.style import CELL_NAMES, CELLS, GREY, figure, styled

BUILT_TASK = "japanese-vowels"
WIDTH = ("weight_bits", "state_bits", "bits")
SHORT = {"ternary": "t", "binary": "b"}


def name_of(width: tuple[Any, ...]) -> str:
    """Bits of weights / states / inputs and outputs, as the tables have them."""
    return "/".join(SHORT.get(str(part), str(part)) for part in width)


def means(rows: list[dict[str, Any]], key: str) -> dict[tuple[str, tuple[Any, ...]], float]:
    """Mean over the seeds by cell and width, in percent."""
    groups: dict[Any, list[float]] = {}
    for row in rows:
        if row["bits"]:
            groups.setdefault((row["cell"], tuple(row[name] for name in WIDTH)), []).append(100 * row[key])
    return {group: statistics.mean(values) for group, values in groups.items()}


def against_bits(axis: Any, rows: list[dict[str, Any]]) -> None:
    """One line a cell, from wide to narrow."""
    widths = list(dict.fromkeys(tuple(row[name] for name in WIDTH) for row in rows if row["bits"]))
    for key, style in (("quantized_only", ":"), ("test", "-")):
        found = means(rows, key)
        for cell in dict.fromkeys(row["cell"] for row in rows):
            places = [place for place, width in enumerate(widths) if (cell, width) in found]
            values = [found[cell, widths[place]] for place in places]
            label = CELL_NAMES[cell] if style == "-" else None
            axis.plot(places, values, style, color=CELLS[cell], marker="o", markersize=3, label=label)
    axis.set_xticks(range(len(widths)), [name_of(width) for width in widths], rotation=60)
    axis.set_title(rows[0]["task"])
    axis.set_ylabel("accuracy in %")
    axis.grid(axis="y")
    axis.legend()


def against_area(axis: Any, scores: dict[Any, float], built: list[dict[str, Any]], key: str, name: str) -> None:
    """One point a design; those that no other beats in both are joined."""
    points = []
    for row in built:
        width = tuple(row[part] for part in WIDTH)
        if key in row and (row["cell"], width) in scores:
            points.append((row[key], scores[row["cell"], width], row["cell"], name_of(width)))
    best = sorted(points[place] for place in front([(-p[0], p[1]) for p in points]))
    axis.plot([p[0] for p in best], [p[1] for p in best], color=GREY, zorder=0)
    for value, score, cell, width in points:
        axis.plot(value, score, "o", color=CELLS[cell], markersize=4)
        if (value, score, cell, width) in best:
            axis.annotate(width, (value, score), xytext=(3, -9), textcoords="offset points", fontsize=6)
    axis.set_xlabel(name)
    axis.set_ylabel("accuracy in %")
    axis.set_title(f"{BUILT_TASK}, trained on integers")
    axis.grid(axis="y")


def main() -> None:
    rows, built = read("few_bits")["rows"], read("few_bits_area")["rows"]
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    with styled():
        drawing = figure(4 * max(2, len(tasks)), 7)
        axes = drawing.subplots(2, max(2, len(tasks)), squeeze=False)
        for axis in axes.flat:
            axis.set_visible(False)
        for axis, task in zip(axes[0], tasks, strict=False):
            axis.set_visible(True)
            against_bits(axis, [row for row in rows if row["task"] == task])
        scores = means([row for row in rows if row["task"] == BUILT_TASK], "test")
        panels = (("luts", "lookup tables of the iCEBreaker"), ("block_rams", "block RAMs of the iCEBreaker"))
        for axis, panel in zip(axes[1], panels, strict=False):
            axis.set_visible(True)
            against_area(axis, scores, built, *panel)
        buffer = io.BytesIO()
        drawing.savefig(buffer, format="png", dpi=150, metadata={"Software": None})
    write_atomic(HERE.parent / "docs" / "few-bits.png", buffer.getvalue())


if __name__ == "__main__":
    main()

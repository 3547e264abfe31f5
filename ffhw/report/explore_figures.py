"""Figures of an exploration: every design as a point, and the fronts that no other one is beyond."""

from __future__ import annotations

from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from ffhw.numbers.grids import WeightBits, stored_bits
from ffhw.report.style import GREY, GRID, INK, figure

# Of a panel: which front, the figure across, what it is called, and where the texts have room. A front's line goes on
# at the score that is surely reached: with that much logic, or at that speed.
_PANELS = (
    ("logic", "luts", "lookup tables (less is better)", "steps-post", (-8, 2), "right"),
    ("speed", "steps_per_second", "steps a second (more is better)", "steps-pre", (7, 3), "left"),
)
# Shares right that the axis names. They are drawn by what is wrong, on a log scale: from 98 to 99 % is as far as from 0
# to 50 %.
_SHARES = (0, 50, 80, 90, 95, 98, 99, 99.5, 99.9, 99.99)
# All right is drawn as if this much was wrong, in %.
_LEAST_WRONG = 0.005
# Widths of a panel between two texts.
_APART = 0.09


def fronts(record: dict[str, Any]) -> Figure:
    """Score against logic, and score against speed; colours tell the bits of weights."""
    drawing = figure(9.6, 4.6)
    axes = drawing.subplots(1, 2, sharey=True)
    able = [design for design in record["designs"] if design["figures"]]
    for ax, (name, key, title, style, side, align) in zip(axes, _PANELS, strict=True):
        best = sorted((d for d in able if d[f"on_{name}_front"]), key=lambda design: design["figures"][key])
        for bits in sorted({design["widths"]["weight_bits"] for design in able}, key=_place):
            those = [design for design in able if design["widths"]["weight_bits"] == bits]
            label = f"{bits} weights" if isinstance(bits, str) else f"weights of {bits} bit{'s' if bits > 1 else ''}"
            ax.plot(*_places(those, key, record), "o", ms=4.5, mew=0, alpha=0.8, color=_colour(bits), label=label)
        ax.plot(*_places(best, key, record), color=INK, lw=1.0, zorder=1, drawstyle=style, label="front")
        ax.plot(*_places(best, key, record), "o", ms=8, mfc="none", mec=INK, mew=1.0)
        ax.axhline(_height(record["float"], record), color=GREY, lw=0.9, ls="--", label="in floats")
        ax.set_xscale("log")
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        ax.set_xlabel(title)
        ax.grid(color=GRID, lw=0.6)
        ax.margins(0.12)
        title = _scale(ax, record)
        _label(ax, best, key, record, side, align)
    axes[0].set_ylabel(title)
    drawing.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=6)
    return drawing


def _scale(ax: Any, record: dict[str, Any]) -> str:
    """The axis of the score, better ones higher; what to call it."""
    ax.set_yscale("log")
    if not ax.yaxis_inverted():
        ax.invert_yaxis()
    if record["judged_by"] == "mse":
        return "mean square error (less is better)"
    ax.yaxis.set_major_locator(FixedLocator([max(100 - share, _LEAST_WRONG) for share in _SHARES]))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda wrong, _: f"{100 - wrong:g}"))
    return f"{record['judged_by'].replace('_', ' ')} in %"


def _place(bits: WeightBits) -> float:
    """Where a width stands among others: one of few codes half a bit below those that take as much memory."""
    return stored_bits(bits) - (0.5 if isinstance(bits, str) else 0)


def _colour(bits: WeightBits) -> Any:
    """Dark for many bits, light for few."""
    return matplotlib.colormaps["viridis"](0.9 * (1 - min(_place(bits) - 1, 8) / 8))


def _height(score: dict[str, float], record: dict[str, Any]) -> float:
    value = score[record["judged_by"]]
    return max(value, 1e-12) if record["judged_by"] == "mse" else max(100 * (1 - value), _LEAST_WRONG)


def _places(designs: list[dict[str, Any]], key: str, record: dict[str, Any]) -> tuple[list[float], list[float]]:
    return [d["figures"][key] for d in designs], [_height(d["score"], record) for d in designs]


def widths_text(widths: dict[str, Any]) -> str:
    """Widths in a few characters: of weights and states; of inputs and all others where they differ from states."""
    text = f"w{widths['weight_bits']}/h{widths['state_bits']}"
    if widths["input_bits"] != widths["state_bits"]:
        text += f"/x{widths['input_bits']}"
    return text if widths["bits"] == widths["input_bits"] else f"{text}/y{widths['bits']}"


def _label(
    ax: Any, best: list[dict[str, Any]], key: str, record: dict[str, Any], side: tuple[int, int], align: str
) -> None:
    """Widths beside the points of a front, best scores first, as long as there is room."""
    written: list[Any] = []
    for design in sorted(best, key=lambda d: _height(d["score"], record)):
        place = (design["figures"][key], _height(design["score"], record))
        x, y = ax.transAxes.inverted().transform(ax.transData.transform(place))
        # a line of text is wider than high
        if all(abs(x - u) > _APART or abs(y - v) > _APART / 2 for u, v in written):
            written.append((x, y))
            text = widths_text(design["widths"])
            ax.annotate(text, place, side, textcoords="offset points", fontsize=7, color=INK, ha=align)

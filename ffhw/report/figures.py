"""The bundle report's figures: each function takes JSON data and returns a figure; saving is the caller's."""

from __future__ import annotations

import math
from typing import Any

from matplotlib.figure import Figure

from ffhw.report.style import BLUE, GREY, ORANGE, RED


def _figure(width: float, height: float) -> tuple[Figure, Any]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def scores(accuracy: dict[str, Any]) -> Figure | None:
    """Float beside quantized, a bar each, for every share among the figures of merit; None if there is none."""
    names = [n for n in accuracy["float"] if n != "mse" and n in accuracy["quantized"]]
    if not names:
        return None
    figure, axes = _figure(4.2, 2.6)
    # dots, not bars: the axis does not begin at zero
    for row, name in enumerate(names):
        for kind, colour in (("float", BLUE), ("quantized", ORANGE)):
            value = 100 * accuracy[kind][name]
            axes.plot(kind, value, "o", ms=10, color=colour)
            axes.annotate(
                f"{value:.2f} %", (kind, value), textcoords="offset points", xytext=(10, 6 - 14 * row), fontsize=8
            )
    values = [100 * accuracy[kind][name] for name in names for kind in ("float", "quantized")]
    axes.set_ylim(max(0.0, min(values) - max(1.0, 2 * (100 - min(values)))), 100.5)
    axes.set_xlim(-0.5, 1.8)
    axes.grid(axis="y", color="#e2e8f0")
    axes.set_ylabel(", ".join(n.replace("_", " ") for n in names) + " in %")
    return figure


def difference_histogram(accuracy: dict[str, Any]) -> Figure | None:
    """Distribution of quantized minus float outputs; None where outputs are class numbers."""
    histogram = accuracy.get("difference_histogram")
    if histogram is None:
        return None
    figure, axes = _figure(4.2, 2.6)
    edges, counts = histogram["edges"], histogram["counts"]
    axes.stairs(counts, edges, fill=True, color=BLUE, zorder=2)
    axes.set_yscale("log")
    axes.set_ylim(0.5)
    axes.set_xlabel("quantized minus float output")
    axes.set_ylabel("outputs")
    step = accuracy["output_step"]
    axes.axvspan(-step / 2, step / 2, color=ORANGE, alpha=0.35, lw=0, zorder=1, label="one output step")
    axes.legend(fontsize=7, frameon=False)
    return figure


def resources(syntheses: list[dict[str, Any]]) -> Figure | None:
    """Share of each device that the design takes, by kind of cell; None before any synthesis."""
    if not syntheses:
        return None
    kinds = ["luts", "flip_flops", "multipliers", "block_rams"]
    figure, axes = _figure(6.4, 1.0 + 0.9 * len(syntheses))
    height = 0.8 / len(kinds)
    colours = [BLUE, GREY, ORANGE, RED]
    for row, synthesis in enumerate(syntheses):
        for n, (kind, colour) in enumerate(zip(kinds, colours, strict=True)):
            count = synthesis["utilisation"].get(kind)
            if count is None:
                continue
            share = 100 * count["used"] / max(1, count["available"])
            place = row + (n - (len(kinds) - 1) / 2) * height
            axes.barh(
                place, share, height=height * 0.9, color=colour, label=kind.replace("_", " ") if row == 0 else None
            )
            axes.text(share + 1, place, f"{count['used']} of {count['available']}", va="center", fontsize=7)
    axes.set_yticks(range(len(syntheses)), [s["title"] for s in syntheses], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0, 118)
    axes.set_xlabel("% of the device")
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(
        handles, [name.replace("luts", "LUTs") for name in labels], fontsize=7, frameon=False, loc="lower right"
    )
    return figure


def roofline(performance: dict[str, Any]) -> Figure | None:
    """Cycles a step against multipliers: each engine's work divided by its multipliers is a line it cannot cross.

    None where no engine has any, as in a network of gates.
    """
    engines = [e for e in performance["engines"] if e["macs"]]
    if not engines:
        return None
    figure, axes = _figure(6.4, 3.0)
    most = max(e["macs"] for e in engines)
    xs = [2.0**n for n in range(0, math.ceil(math.log2(most)) + 3)]
    for engine, colour in zip(engines, [BLUE, ORANGE, GREY, RED] * len(engines), strict=False):
        steps = engine["network_steps"]
        macs, work, cycles = engine["macs"], engine["products_per_step"] / steps, engine["cycles_per_step"] / steps
        axes.plot(xs, [work / x for x in xs], color=colour, lw=1, ls="--")
        axes.plot(macs, cycles, "o", color=colour, ms=7, label=engine["name"])
        axes.annotate(
            f"{cycles:.4g} cycles, {engine['mac_utilisation']:.0%} busy",
            (macs, cycles),
            textcoords="offset points",
            xytext=(9, 4),
            fontsize=7,
        )
    axes.axhline(performance["cycles_per_step"], color=RED, lw=0.8)
    pace = performance["cycles_per_step"]
    axes.text(xs[-1], pace / 1.08, "the design's pace", ha="right", va="top", fontsize=7, color=RED)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xlabel("multipliers of the lanes")
    axes.set_ylabel("cycles a step")
    axes.legend(fontsize=8, frameon=False, loc="lower left")
    return figure

"""Figures of what a network remembers: activity, fixed points, robustness, holding, bits, sizes. Each takes JSON."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ffhw.report.style import BLUE, CELL_NAMES, CELLS, GREY, GRID, INK, ORANGE, RED, figure, state_colour

_POINT: dict[str, Any] = {"s": 4, "lw": 0, "rasterized": True}


def activity(data: dict[str, Any]) -> Figure:
    """Activity along its principal axes, coloured by the answer held: in 3-D, and three projections."""
    drawing = figure(7.0, 6.2)
    grid = drawing.add_gridspec(2, 3, height_ratios=[1.75, 1.0])
    space = drawing.add_subplot(grid[0, :], projection="3d")
    _cloud(space, data)
    path = np.array(data["path"]["coordinates"][0])[:, :3]
    space.plot(*path.T, color=GREY, lw=0.6, alpha=0.8, zorder=1)
    handles = [
        space.plot([], [], [], "o", ms=4, color=state_colour(n), label=name)[0] for n, name in enumerate(data["names"])
    ]
    space.legend(handles=handles, loc="center left", title="answer", ncols=1, bbox_to_anchor=(1.1, 0.5))
    points, labels = np.array(data["points"]["coordinates"]), data["points"]["labels"]
    colours = [state_colour(n) for n in labels]
    for column, (a, b) in enumerate(((0, 1), (0, 2), (1, 2))):
        ax = drawing.add_subplot(grid[1, column])
        ax.plot(path[:, a], path[:, b], color=GREY, lw=0.5, alpha=0.8, zorder=1)
        ax.scatter(points[:, a], points[:, b], c=colours, zorder=2, **_POINT)
        ax.set_xlabel(_axis(data, a))
        ax.set_ylabel(_axis(data, b))
        ax.set_aspect("equal", adjustable="datalim")
    return drawing


def _axis(data: dict[str, Any], axis: int) -> str:
    return f"PC {axis + 1} ({data['explained'][axis]:.0%})"


def _cloud(space: Any, data: dict[str, Any], labelled: bool = True) -> None:
    """Points of held memories in three dimensions, their centres, and the edges between neighbours."""
    points = np.array(data["points"]["coordinates"])[:, :3]
    colours = [state_colour(n) for n in data["points"]["labels"]]
    space.scatter(*points.T, c=colours, depthshade=False, **_POINT)
    corners = data["corners"]
    centres = dict(zip(corners["answers"], np.array(corners["centres"])[:, :3], strict=True))
    for one, other in itertools.combinations(centres, 2):
        if (one ^ other).bit_count() == 1:
            space.plot(*zip(centres[one], centres[other], strict=True), color=INK, lw=0.9, zorder=3)
    for axis, (low, high) in zip("xyz", zip(points.min(axis=0), points.max(axis=0), strict=True), strict=True):
        middle, half = (low + high) / 2, max(1e-6, np.ptp(points, axis=0).max() / 2)
        getattr(space, f"set_{axis}lim")(middle - half, middle + half)
        getattr(space, f"set_{axis}ticklabels")([])
        if labelled:
            getattr(space, f"set_{axis}label")(_axis(data, "xyz".index(axis)), labelpad=-12)
        getattr(space, f"{axis}axis").set_pane_color((1, 1, 1, 0))
    space.tick_params(length=0)
    space.grid(True)
    space.view_init(elev=22, azim=-58)
    space.set_box_aspect((1, 1, 1), zoom=1.15)


def cubes(rows: list[tuple[str, dict[str, Any]]]) -> Figure:
    """Activity of several networks side by side, each along its own principal axes: titles and ``activity`` data."""
    lines = 1 if len(rows) <= 5 else 2
    columns = -(-len(rows) // lines)
    drawing = figure(2.0 * max(columns, 2), 2.3 * lines)
    for number, (title, data) in enumerate(rows):
        space = drawing.add_subplot(lines, columns, number + 1, projection="3d")
        _cloud(space, data, labelled=False)
        shape = data["corners"]["cube"]
        disparity = f"\ndisparity {shape['disparity']:.3f}" if shape else ""
        space.set_title(f"{title}{disparity}", fontsize=8)
    return drawing


def bits(data: dict[str, Any]) -> Figure:
    """The same network in floating point and at fewer and fewer bits."""
    rows = []
    for row in data["rows"]:
        name = "float" if row["bits"] is None else f"{row['bits']} bit" + "s" * (row["bits"] > 1)
        rows.append((f"{name}: {row['scores']['sign_accuracy']:.2%}", row["activity"]))
    return cubes(rows)


_MARKERS: dict[str, dict[str, Any]] = {
    "stable": {"marker": "o", "ls": "", "ms": 6, "color": BLUE, "zorder": 4},
    "unstable": {"marker": "X", "ls": "", "ms": 5, "color": ORANGE, "mec": "white", "mew": 0.4, "zorder": 3},
    "slow": {"marker": "o", "ls": "", "ms": 5.5, "mfc": "white", "mec": BLUE, "mew": 1.1, "zorder": 4},
    "neutral": {"marker": ".", "ls": "", "ms": 4, "color": BLUE, "zorder": 4},
}


def fixed_points(data: dict[str, Any], shown: dict[str, Any]) -> Figure:
    """Fixed and slow points among the trajectories (``activity`` data); lines show how unstable ones are left."""
    drawing = figure(7.0, 2.6)
    axes = drawing.subplots(1, 3)
    paths = np.array(shown["path"]["coordinates"])
    extent = np.ptp(paths.reshape(-1, paths.shape[-1]), axis=0).max()
    for ax, (a, b) in zip(axes, ((0, 1), (0, 2), (1, 2)), strict=True):
        for path in paths:
            ax.plot(path[:, a], path[:, b], color=GREY, lw=0.5, alpha=0.7, zorder=1)
        for point in data["points"]:
            here, along = np.array(point["coordinates"]), np.array(point["direction"])
            if point["unstable"]:
                ends = np.array([here - 0.08 * extent * along, here + 0.08 * extent * along])
                ax.plot(ends[:, a], ends[:, b], color=RED, lw=0.9, zorder=2)
            ax.plot(here[a], here[b], **_MARKERS[point["kind"]])
        ax.set_xlabel(f"PC {a + 1}")
        ax.set_ylabel(f"PC {b + 1}")
        ax.set_aspect("equal", adjustable="datalim")
    # neutral ones are of networks whose gates close
    shown_kinds = {kind: count for kind, count in data["counts"].items() if count or kind != "neutral"}
    for kind, count in shown_kinds.items():
        axes[0].plot([], [], label=f"{count} {kind}", **_MARKERS[kind])
    drawing.legend(loc="outside upper right", ncols=4)
    return drawing


_CURVES = {
    "noise": "input noise (standard deviation)",
    "amplitude": "pulse amplitude",
    "pulse_ms": "pulse width in ms",
}


def robustness(data: dict[str, Any]) -> Figure:
    """Sign accuracy and success rate against noise, amplitude and width; the training value is marked."""
    curves = data["curves"]
    drawing = figure(2.4 * max(len(curves), 1) + 0.4, 2.4)
    axes = drawing.subplots(1, len(curves), sharey=True, squeeze=False)[0]
    for ax, (name, curve) in zip(axes, curves.items(), strict=True):
        values = [row["value"] for row in curve["rows"]]
        for key, colour, label in (
            ("sign_accuracy", BLUE, "signs right"),
            ("success_rate", ORANGE, "sequences right from end to end"),
        ):
            ax.plot(values, [100 * row[key] for row in curve["rows"]], "o-", ms=3, lw=1.2, color=colour, label=label)
        ax.axvline(curve["trained"], color=GREY, lw=1, ls="--", zorder=0)
        ax.set_xlabel(_CURVES[name])
        ax.grid(axis="y", color=GRID)
    axes[0].set_ylabel("%")
    axes[0].set_ylim(-3, 103)
    drawing.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return drawing


def holding(rows: list[tuple[str, str, dict[str, Any]]]) -> Figure:
    """How long memories last: titles, cells and ``holding`` data of one network or several."""
    drawing = figure(7.0, 2.2 + 0.22 * max(0, len(rows) - 3))
    noisy, silent = drawing.subplots(1, 2, width_ratios=[1.0, 1.2])
    for number, (title, cell, data) in enumerate(rows):
        colour = CELLS[cell] if len(rows) == 1 else state_colour(number)
        if data["noisy"]:
            noise = data["noisy"]
            right = [100 * v for v in noise["bits_right"]]
            noisy.plot(noise["factors"], right, "o-", ms=3, lw=1.2, color=colour, label=title)
        still = data["silent"]
        times = [t or still["steps"] for t in still["lost_at"]]
        silent.barh(number, max(times), color=colour, alpha=0.2, height=0.7)
        offsets = np.linspace(-0.25, 0.25, len(times))
        silent.scatter(times, number + offsets, s=10, color=colour, zorder=3, lw=0)
        kept = sum(t == 0 for t in still["lost_at"])
        proof = ", for ever (states return exactly)" if still["for_ever"] else ""
        silent.text(1.2, number, f"{kept} of {len(times)} memories kept{proof}", fontsize=6.5, va="center")
    noisy.set_xscale("log")
    noisy.set_ylim(-3, 103)
    noisy.set_xlabel("hold through noise, in training lengths")
    noisy.set_ylabel("bits right in %")
    noisy.grid(axis="y", color=GRID)
    silent.set_xscale("log")
    silent.set_xlim(1, 1.5 * max(row[2]["silent"]["steps"] for row in rows))
    silent.set_yticks(range(len(rows)), [row[0] for row in rows])
    silent.set_ylim(len(rows) - 0.4, -0.6)
    silent.set_xlabel("steps held without input (a dot a memory)")
    return drawing


def sizes(data: dict[str, Any]) -> Figure:
    """Accuracy against size, a line a cell; the least that reaches the goal is ringed."""
    drawing = figure(6.6, 2.7)
    axes = drawing.subplots(1, 2, sharey=True)
    floor = 100 * (1 - data["accuracy"])
    for ax, key, label in ((axes[0], "units", "units"), (axes[1], "parameters", "parameters")):
        for cell in dict.fromkeys(row["cell"] for row in data["rows"]):
            rows = sorted((row for row in data["rows"] if row["cell"] == cell), key=lambda r: r["units"])
            errors = [100 * max(1 - row["sign_accuracy"], 1e-5) for row in rows]
            ax.plot([r[key] for r in rows], errors, "o-", ms=3.5, lw=1.2, color=CELLS[cell], label=CELL_NAMES[cell])
            least = data["smallest"].get(cell)
            if least:
                error = 100 * max(1 - least["sign_accuracy"], 1e-5)
                ax.plot(least[key], error, "o", ms=9, mfc="none", mec=CELLS[cell], mew=1.2)
        ax.axhline(floor, color=GREY, lw=1, ls="--", zorder=0)
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_xlabel(label)
        ax.grid(axis="y", color=GRID)
    axes[0].set_ylabel("wrong signs in %")
    goal = f"goal: {data['accuracy']:.1%} right"
    axes[0].text(0.99, floor * 0.9, goal, transform=axes[0].get_yaxis_transform(), fontsize=7, va="top", ha="right")
    units = sorted({row["units"] for row in data["rows"]})
    axes[0].set_xticks(units, [str(n) for n in units])
    axes[0].minorticks_off()
    if units:
        drawing.legend(*axes[1].get_legend_handles_labels(), loc="outside right upper")
    return drawing

"""Figures of one network at work: samples, connectivity, spectrum, flip-flops. Each takes its analysis' JSON."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ffhw.report.style import BLUE, CELL_NAMES, GREY, GRID, INK, ORANGE, RED, figure, state_colour


def _array(values: Any) -> Any:
    """Numbers of a JSON list; None becomes NaN."""
    return np.array(values, dtype=np.float64)


def samples(data: dict[str, Any]) -> Figure:
    """Inputs, targets and outputs: a row a channel for one long sequence, a column a trial for several."""
    inputs, targets, outputs = (_array(data[key]) for key in ("inputs", "targets", "outputs"))
    time = np.arange(inputs.shape[1]) * data["dt_ms"]
    if len(inputs) == 1:
        return _tour(time, inputs[0], targets[0], outputs[0])
    drawing = figure(7.0, 2.8)
    axes = drawing.subplots(2, len(inputs), sharex=True, sharey="row")
    for column, (x, y, z) in enumerate(zip(inputs, targets, outputs, strict=True)):
        axes[0, column].plot(time, x, lw=0.8)
        axes[0, column].set_title(f"trial {column + 1}")
        axes[1, column].plot(time, y, color=INK, lw=2.5, alpha=0.25, label="target")
        axes[1, column].plot(time, z, color=BLUE, lw=1.2, label="output")
        axes[1, column].set_xlabel("time in ms")
    axes[0, 0].set_ylabel("inputs")
    axes[1, 0].set_ylabel("output")
    axes[1, 0].legend(loc="upper left")
    return drawing


def _tour(time: Any, inputs: Any, targets: Any, outputs: Any) -> Figure:
    channels = outputs.shape[1]
    drawing = figure(7.0, 0.6 + 1.0 * channels)
    axes = np.atleast_1d(drawing.subplots(channels, 1, sharex=True, sharey=True))
    for channel, ax in enumerate(axes):
        ax.fill_between(time, inputs[:, channel], color=GREY, lw=0, alpha=0.8, label="input")
        ax.plot(time, targets[:, channel], color=INK, lw=3, alpha=0.3, label="target", solid_capstyle="butt")
        ax.plot(time, outputs[:, channel], color=BLUE, lw=1.2, label="output")
        ax.set_ylabel(f"bit {channel + 1}")
        ax.set_ylim(-1.6, 1.6)
        ax.set_yticks([-1, 0, 1])
    axes[0].legend(loc="lower right", ncols=3, bbox_to_anchor=(1.0, 0.95), borderaxespad=0.0)
    axes[-1].set_xlabel("time in ms")
    axes[-1].margins(x=0.01)
    return drawing


def connectivity(data: dict[str, Any]) -> Figure:
    """Recurrent matrix of each gate, and the distribution of its weights before and after training."""
    gates = data["gates"]
    drawing = figure(max(4.6, 2.1 * len(gates)), 4.2 if len(gates) > 1 else 2.6)
    shape = (2, len(gates)) if len(gates) > 1 else (1, 2)
    axes = drawing.subplots(*shape, squeeze=False)
    for column, gate in enumerate(gates):
        top, below = (axes[0, column], axes[1, column]) if len(gates) > 1 else axes[0]
        matrix = _array(gate["matrix"])
        limit = np.quantile(np.abs(matrix), 0.99) or 1.0
        image = top.imshow(matrix, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest", rasterized=True)
        top.spines[["top", "right"]].set_visible(True)
        top.set_title(f"{CELL_NAMES[data['cell']]} recurrent weights" if len(gates) == 1 else f"gate {gate['gate']}")
        top.set_xlabel("from unit")
        top.set_ylabel("to unit" if column == 0 else "")
        drawing.colorbar(image, ax=top, shrink=0.8, pad=0.02)
        if gate["initial"] is not None:
            below.stairs(gate["initial"], gate["edges"], color=GREY, lw=1.2, label="initial")
        below.stairs(gate["trained"], gate["edges"], color=BLUE, lw=1.2, label="trained")
        below.set_yscale("log")
        below.set_ylim(0.7)
        below.set_xlabel("weight")
        below.set_ylabel("connections" if column == 0 else "")
        if column == 0:
            below.legend(loc="lower center")
    return drawing


def spectrum(data: dict[str, Any]) -> Figure:
    """Eigenvalues with the unit circle: of the recurrent matrix, and of the Jacobian at the memories."""
    recurrent, jacobian = data["recurrent"], data["jacobian"]
    drawing = figure(7.4 if recurrent else 3.6, 3.0 if recurrent else 3.4)
    axes = list(drawing.subplots(1, 3 if recurrent else 1, squeeze=False)[0])
    if recurrent:
        _recurrent_spectrum(axes.pop(0), axes.pop(0), recurrent)
    ax = axes[0]
    if jacobian["initial"]:
        ax.scatter(
            *_array(jacobian["initial"]).T, s=5, color=GREY, lw=0, label="initial, at 0", zorder=2, rasterized=True
        )
    for number, values in enumerate(jacobian["trained"]):
        label = "at the memories" if number == 0 else None
        ax.scatter(*_array(values).T, s=9, color=state_colour(number), lw=0, label=label, zorder=3, rasterized=True)
    title = "state Jacobian"
    if jacobian["trained"]:
        title += f", largest {jacobian['largest']:.4f}"
    ax.set_title(title)
    _complex_plane(ax)
    return drawing


def spectra(rows: list[tuple[str, dict[str, Any]]]) -> Figure:
    """Recurrent eigenvalues of several networks side by side: titles and ``spectrum`` data."""
    drawing = figure(1.9 * max(2, len(rows)), 2.1)
    axes = drawing.subplots(1, len(rows), sharey=True, squeeze=False)[0]
    for ax, (title, data) in zip(axes, rows, strict=True):
        trained = data["recurrent"]["trained"]
        values = _array(trained["values"])
        radius = np.hypot(*values.T)
        outside = radius > 1 + trained["margin"]
        colours = np.where(outside, ORANGE, BLUE)
        angle = np.degrees(np.arctan2(values[:, 1], values[:, 0]))
        ax.scatter(angle, radius, s=5, c=colours, lw=0, zorder=2, rasterized=True)
        ax.axhline(1.0, color=RED, lw=0.8, zorder=3)
        ax.set_title(f"{title}: {outside.sum()} outside")
        ax.set_xticks([-180, 0, 180])
        ax.set_xlabel("angle in degrees")
    axes[0].set_ylabel("distance from 0")
    return drawing


def _recurrent_spectrum(plane: Any, radii: Any, recurrent: dict[str, Any]) -> None:
    """The matrix' eigenvalues in the plane, and enlarged: how far from 0 they are in each direction."""
    trained = _array(recurrent["trained"]["values"])
    outside = np.hypot(*trained.T) > 1 + recurrent["trained"]["margin"]
    kinds = [("trained", trained[~outside], BLUE, 7), (f"{outside.sum()} outside", trained[outside], ORANGE, 12)]
    if "initial" in recurrent:
        kinds.insert(0, ("initial", _array(recurrent["initial"]["values"]), GREY, 14))
    for label, values, colour, size in kinds:
        plane.scatter(*values.T, s=size, color=colour, lw=0, label=label, zorder=2, rasterized=True)
        angle = np.degrees(np.arctan2(values[:, 1], values[:, 0]))
        radii.scatter(angle, np.hypot(*values.T), s=size, color=colour, lw=0, zorder=2, rasterized=True)
    plane.set_title("recurrent matrix")
    _complex_plane(plane)
    radii.axhline(1.0, color=RED, lw=0.8, zorder=3)
    radii.set_title("the same, enlarged")
    radii.set_xlabel("angle in degrees")
    radii.set_ylabel("distance from 0")
    radii.set_xticks([-180, -90, 0, 90, 180])


def _complex_plane(ax: Any) -> None:
    circle = np.linspace(0, 2 * np.pi, 361)
    ax.plot(np.cos(circle), np.sin(circle), color=RED, lw=0.8, zorder=4)
    ax.axhline(0, color=GRID, lw=0.8, zorder=0)
    ax.axvline(0, color=GRID, lw=0.8, zorder=0)
    ax.set_aspect("equal", adjustable="datalim")
    ax.set_xlabel("real part")
    ax.set_ylabel("imaginary part")
    ax.legend(loc="center", bbox_to_anchor=(0.5, 0.68), handletextpad=0.2)


def flip_flops(data: dict[str, Any]) -> Figure:
    """J and K beside h of the busiest units, and how often a unit holds, sets or resets."""
    units = data["units"]
    time = np.arange(len(data["inputs"])) * data["dt_ms"]
    drawing = figure(7.0, 1.0 + 0.95 * len(units))
    axes = drawing.subplots(len(units) + 1, 1, height_ratios=[*[1.0] * len(units), 0.42])
    for ax, unit in zip(axes, units, strict=False):
        ax.plot(time, unit["j"], color=BLUE, lw=0.9, label="J (set)")
        ax.plot(time, unit["k"], color=ORANGE, lw=0.9, label="K (reset)")
        ax.plot(time, unit["h"], color=INK, lw=1.6, label="h (state)")
        ax.set_ylabel(f"unit {unit['unit']}")
        ax.set_ylim(-0.05, 1.05)
        ax.margins(x=0.01)
        ax.set_yticks([0, 1])
        if ax is not axes[len(units) - 1]:
            ax.tick_params(labelbottom=False)
    axes[0].legend(loc="lower right", ncols=3, bbox_to_anchor=(1.0, 0.98), borderaxespad=0.0)
    axes[len(units) - 1].set_xlabel("time in ms")
    ax, left = axes[-1], 0.0
    colours = {"hold": INK, "set": BLUE, "reset": ORANGE, "toggle": RED, "between": GRID}
    for name, share in data["modes"].items():
        width = 100 * share
        ax.barh(0, width, left=left, color=colours[name], height=1.0)
        if share > 0.06:
            colour = INK if name == "between" else "white"
            ax.text(left + width / 2, 0, f"{name} {share:.0%}", ha="center", va="center", color=colour, fontsize=7)
        left += width
    ax.set_xlim(0, 100)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.set_xlabel("share of all units and steps in %")
    return drawing

"""What the pictures of several tasks share. A picture is a matplotlib figure; saving it is the caller's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TRUTH, ANSWER, BASELINE = "#555555", "#c1440e", "#2a6f97"


def new_figure(rows: int = 1, columns: int = 1, width: float = 6.4, height: float = 3.6) -> tuple[Figure, Any]:
    """A figure and its axes ``[rows, columns]``; sizes in inches."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False)


def curves(history: Mapping[str, Sequence[float]], baseline: Mapping[str, Any] | None = None) -> Figure:
    """Each figure of the training by epoch, and the baseline's where it has the same one."""
    figure, axes = new_figure(1, len(history), width=4.6 * len(history), height=3.2)
    for axis, (name, values) in zip(axes[0], history.items(), strict=True):
        axis.plot(np.arange(1, len(values) + 1), values, color=ANSWER, label="training")
        if baseline and name in baseline:
            axis.axhline(baseline[name], color=BASELINE, linestyle="--", label=baseline["name"])
            axis.legend(frameon=False)
        if name == "loss" and min(values) > 0 and max(values) > 20 * min(values):
            axis.set_yscale("log")
        axis.set_xlabel("epoch")
        axis.set_title(name.replace("_", " "))
    return figure


def image(axis: Any, pixels: NDArray[Any], title: str = "") -> None:
    """A picture ``[rows, columns]`` of values from 0 to 1, or ``[rows, columns, 3]``, without ticks."""
    axis.imshow(pixels, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axis.set_xticks([])
    axis.set_yticks([])
    axis.set_title(title, fontsize=8)

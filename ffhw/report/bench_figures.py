"""Figures of the hardware benchmark, as the paper's figures 16 (time) and 17 (memory). Each takes the record."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from ffhw.report.style import BLUE, CELL_NAMES, CELLS, GREY, INK, ORANGE, figure


def time(record: dict[str, Any]) -> Figure:
    """Seconds of an epoch of each network, a panel a device; the paper's epochs, of whatever size, as lines."""
    drawing, axes = _panels(record)
    for ax, rows in zip(axes, _by_device(record), strict=True):
        for place, row in enumerate(rows):
            ax.bar(place, row["epoch_s"], color=CELLS[row["cell"]], width=0.7)
            _above(ax, place, row["epoch_s"], f"{row['epoch_s']:.3g}")
        for cell, seconds in record["paper"]["seconds_per_epoch"].items():
            label = f"paper, {CELL_NAMES[cell]}: {seconds} s"
            ax.axhline(seconds, color=CELLS[cell], lw=0.9, ls="--", label=label)
        # networks differ by orders of magnitude
        ax.set_yscale("log")
        ax.margins(y=0.25)
    axes[0].set_ylabel("seconds an epoch")
    drawing.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return drawing


def memory(record: dict[str, Any]) -> Figure:
    """Most memory that each process held: packages, network and data; on top of them what training took.

    Of an accelerator: most that was in use there.
    """
    drawing, axes = _panels(record)
    for ax, rows in zip(axes, _by_device(record), strict=True):
        for place, row in enumerate(rows):
            if row["device_peak_mib"] is not None:
                ax.bar(place, row["device_peak_mib"], color=CELLS[row["cell"]], width=0.7)
                _above(ax, place, row["device_peak_mib"], f"{row['device_peak_mib']:,}")
                continue
            extra = row["peak_mib"] - row["loaded_mib"]
            ax.bar(place, row["loaded_mib"], color=GREY, width=0.7)
            ax.bar(place, extra, bottom=row["loaded_mib"], color=CELLS[row["cell"]], width=0.7)
            _above(ax, place, row["peak_mib"], f"+{extra:,}")
        ax.margins(y=0.15)
    axes[0].set_ylabel("MiB")
    axes[0].bar(0, 0, color=GREY, label="before training")
    axes[0].bar(0, 0, color=BLUE, label="training, flip-flops")
    axes[0].bar(0, 0, color=ORANGE, label="training, LSTM")
    drawing.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return drawing


def _by_device(record: dict[str, Any]) -> list[list[dict[str, Any]]]:
    devices = dict.fromkeys(row["device"] for row in record["rows"])
    return [[row for row in record["rows"] if row["device"] == device] for device in devices]


def _panels(record: dict[str, Any]) -> tuple[Figure, Any]:
    groups = _by_device(record)
    drawing = figure(0.8 + 3.6 * len(groups), 3.2)
    axes = drawing.subplots(1, len(groups), squeeze=False)[0]
    settings = record["settings"]
    for ax, rows in zip(axes, groups, strict=True):
        ax.set_xticks(range(len(rows)), [row["network"] for row in rows])
        size = f"{settings['batches']} batches, {settings['time_steps']} steps"
        ax.set_title(f"{rows[0]['device'].upper()} ({rows[0]['runtime']}), an epoch of {size}")
    return drawing, axes


def _above(ax: Any, place: int, height: float, text: str) -> None:
    ax.annotate(text, (place, height), (0, 2), textcoords="offset points", ha="center", fontsize=7, color=INK)

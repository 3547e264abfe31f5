"""The page of an exploration: HTML that stands alone."""

from __future__ import annotations

import html
from typing import Any

from ffhw import __version__
from ffhw.report.explore_figures import fronts, widths_text
from ffhw.report.page import STYLE, html_table
from ffhw.report.style import styled, svg

_HEAD = [
    "weights / states",
    "lanes",
    "simd",
    "",
    "LUTs",
    "multipliers",
    "block RAMs",
    "MHz",
    "cycles",
    "steps a second",
]
_MORE = "code { font-size: 12px; overflow-wrap: anywhere; }"


def page(record: dict[str, Any]) -> str:
    """HTML of :func:`ffhw.explore.explore.explore`'s record."""
    title = html.escape(f"{record['model']['file']} on {record['board']}")
    able = [design for design in record["designs"] if design["figures"]]
    sections = [("What can be reached", _picture(record) if able else "<p>Nothing that fits.</p>")]
    sections += [(f"Front: {what}", _front(record, name)) for name, what in _FRONTS.items() if able]
    sections.append(("All designs", _table(able, record)))
    if cannot := _impossible(record):
        sections.append(("What cannot be", cannot))
    body = "".join(f"<h2>{name}</h2>\n{content}\n" for name, content in sections)
    return (
        f"<!doctype html>\n<html lang='en'><head><meta charset='utf-8'><title>{title}</title>"
        f"<style>{STYLE.replace('60rem', '72rem')}{_MORE}</style></head>\n<body><h1>{title}</h1>"
        f"<p class='quiet'>ffhw {__version__}, model {record['model']['sha256'][:12]}</p>\n{body}</body></html>\n"
    )


_FRONTS = {"logic": "score against lookup tables", "speed": "score against steps a second"}


def score_text(score: dict[str, float], judged_by: str) -> str:
    """The figure of merit that counts."""
    return f"{score[judged_by]:.5f}" if judged_by == "mse" else f"{score[judged_by]:.2%}"


def score_name(record: dict[str, Any]) -> str:
    """What the score is, in words."""
    if record["labels"] == "float":
        return "difference from floats (MSE)" if record["judged_by"] == "mse" else "agreement with floats"
    names = {"accuracy": "accuracy", "sign_accuracy": "sign accuracy", "mse": "MSE"}
    return names[record["judged_by"]]


def _picture(record: dict[str, Any]) -> str:
    with styled():
        drawn = svg(fronts(record))
    source = (
        "Figures are those of the tools, of the core alone; Fmax is the median of the seeds."
        if record["built"]
        else "Hardware figures are estimates; with --synth they are those of the tools."
    )
    score = f"{score_name(record)} of the golden model; in floats {score_text(record['float'], record['judged_by'])}."
    text = (
        f"{score[0].upper()}{score[1:]} {source} Bits are those of weights (w), states (h), inputs (x) and outputs (y)."
    )
    return f"{drawn}<p class='quiet'>{text}</p>"


def _front(record: dict[str, Any], name: str) -> str:
    """A front's designs, and the command that gives each."""
    best = [design for design in record["designs"] if design[f"on_{name}_front"]]
    key = {"logic": "luts", "speed": "steps_per_second"}[name]
    best.sort(key=lambda design: design["figures"][key], reverse=name == "speed")
    commands = "".join(f"<li><code>{html.escape(design['export'])}</code></li>" for design in best)
    return _table(best, record) + f"<ol>{commands}</ol>"


def _table(designs: list[dict[str, Any]], record: dict[str, Any]) -> str:
    head = [name or score_name(record) for name in _HEAD] if designs else _HEAD
    rows = []
    for design in designs:
        figures = design["figures"]
        rows.append(
            [
                widths_text(design["widths"]),
                ",".join(map(str, design["lanes"])),
                ",".join(map(str, design["simd"])),
                score_text(design["score"], record["judged_by"]),
                *(f"{figures[name]:,}" for name in ("luts", "multipliers", "block_rams")),
                f"{figures['fmax_mhz']:.1f}",
                f"{figures['cycles_per_step']:,}",
                f"{figures['steps_per_second']:,.0f}",
            ]
        )
    return html_table(head, rows, 7)


def _impossible(record: dict[str, Any]) -> str:
    rows = [[widths_text(each["widths"]), "", each["reason"]] for each in record["impossible"]]
    for design in record["designs"]:
        if not design["figures"]:
            rows.append([widths_text(design["widths"]), ",".join(map(str, design["lanes"])), design["reason"]])
    return html_table(["weights / states", "lanes", "why"], rows, 0) if rows else ""

"""The one-page report of a bundle: HTML that stands alone."""

from __future__ import annotations

import html
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ffhw import __version__
from ffhw.bundle import Bundle
from ffhw.errors import InputError, ToolError
from ffhw.model.network import Network
from ffhw.shapes import check_shape

_SIMULATION = {
    "simulator": str,
    "internals": bool,
    "sequences": int,
    "compared": int,
    "cycles": int,
    "cycles_per_step": None,
    "predicted_cycles_per_step": int,
}
_SYNTHESIS = {
    "title": str,
    "bitstream": str,
    "fmax_mhz": float,
    "fmax_reliable": bool,
    "clock_mhz?": float,
    "utilisation": {str: {"used": int, "available": int}},
    "netlist?": {"equal": None, "codes?": int},
    "differences?": [str],
}
STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #1a202c; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: .2rem; } h2 { margin: 2rem 0 .5rem; font-size: 1.15rem; border-bottom: 1px solid #e2e8f0; }
table { border-collapse: collapse; margin: .5rem 0; } td, th { padding: .25rem .8rem .25rem 0; text-align: left;
vertical-align: top; } th { font-weight: 600; color: #4a5568; } td.n, th.n { text-align: right; }
.row { display: flex; flex-wrap: wrap; gap: 1rem; } .quiet { color: #718096; } .bad { color: #c53030; }
svg { max-width: 100%; height: auto; }
"""


def write_report(bundle: Bundle) -> Path:
    """Write ``results/report.html`` from the bundle's JSON files.

    Raises
    ------
    ToolError: matplotlib is missing. OutputError: the page cannot be written.
    """
    try:
        from ffhw.report import figures
    except ImportError:
        raise ToolError("reports need matplotlib: pip install 'ffhw[report]'") from None
    accuracy, performance = bundle.accuracy(), bundle.json("performance.json")
    simulations, damaged = _sound(bundle, "sim-", _SIMULATION)
    syntheses, more = _sound(bundle, "synth-", _SYNTHESIS)
    for synthesis in syntheses:
        # a figure that can be computed is not believed
        synthesis["steps_per_second"] = _clock_mhz(synthesis) * 1e6 / performance["cycles_per_step"]
    network = bundle.network()
    compared = "<p class='quiet'>Not compared with a float network.</p>"
    if accuracy:
        compared = _accuracy(accuracy) + _row(figures.scores(accuracy), figures.difference_histogram(accuracy))
    sections = [
        ("Accuracy", compared),
        ("Network", _network(network)),
    ]
    if bundle.has_hardware:
        sections += [
            ("Cycles", _engines(performance) + _row(figures.roofline(performance))),
            ("Simulation", _simulations(simulations)),
            ("Synthesis", _syntheses(syntheses) + _row(figures.resources(syntheses))),
        ]
    if damaged + more:
        lines = "".join(f"<p class='bad'>{html.escape(line)}</p>" for line in damaged + more)
        sections.append(("Not shown", lines))
    body = "".join(f"<h2>{title}</h2>\n{content}\n" for title, content in sections)
    title = html.escape(network.name)
    page = (
        f"<!doctype html>\n<html lang='en'><head><meta charset='utf-8'><title>{title}</title>"
        f"<style>{STYLE}</style></head>\n<body><h1>{title}</h1>"
        f"<p class='quiet'>ffhw {__version__}, bundle {bundle.identity[:12]}</p>\n{body}</body></html>\n"
    )
    return bundle.add_file("report.html", page)


def _sound(bundle: Bundle, prefix: str, shape: dict[str, Any]) -> tuple[list[dict[str, Any]], list[str]]:
    """Results of a kind that have the figures the page shows, and a line on each that has not."""
    found, damaged = [], []
    for name, content in bundle.results().items():
        if name.startswith(prefix):
            try:
                check_shape(content, shape, f"results/{name}")
            except InputError as error:
                damaged.append(str(error))
            else:
                found.append(content)
    return found, damaged


def _row(*drawings: Any) -> str:
    from ffhw.report.style import svg

    return "<div class='row'>" + "".join(svg(d) for d in drawings if d is not None) + "</div>"


def html_table(head: list[str], rows: list[list[Any]], numbers: int) -> str:
    """HTML table; the last ``numbers`` columns are set flush right."""

    def cells(tag: str, row: list[Any]) -> str:
        first_number = len(row) - numbers
        return "".join(
            f"<{tag}{' class=n' if n >= first_number else ''}>{html.escape(str(v))}</{tag}>" for n, v in enumerate(row)
        )

    lines = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f"<table><tr>{cells('th', head)}</tr>{lines}</table>"


def _accuracy(accuracy: dict[str, Any]) -> str:
    def show(name: str) -> Callable[[dict[str, float]], str]:
        return lambda score: (
            "" if name not in score else f"{score[name]:.5f}" if name == "mse" else f"{score[name]:.2%}"
        )

    names = list(accuracy["float"])
    rows = [[kind, *(show(name)(accuracy[kind]) for name in names)] for kind in ("float", "quantized")]
    text = (
        f"<p>{accuracy['sequences']:,} sequences, {accuracy['steps']:,} steps of {html.escape(accuracy['data'])}.</p>"
    )
    if names:
        text += html_table(["", *(n.replace("_", " ") for n in names)], rows, len(names))
    if "rms_difference" in accuracy:
        text += (
            f"<p>Outputs differ by {accuracy['rms_difference']:.4g} (root mean square), at most "
            f"{accuracy['max_difference']:.4g}; one output step is {accuracy['output_step']:.4g}.</p>"
        )
    return text


def _network(network: Network) -> str:
    rows = [
        [layer.name, layer.title, layer.input, getattr(layer, "weight_bits", ""), layer.output]
        for layer in network.layers
    ]
    return html_table(["layer", "kind", "input", "weight bits", "output"], rows, 0)


def _engines(performance: dict[str, Any]) -> str:
    head = ["engine", "lanes", "simd", "ideal cycles", "cycles", "for steps", "multipliers", "busy", "memory bits"]
    rows = [
        [
            e["name"],
            e["lanes"],
            e["simd"],
            e["ideal_cycles_per_step"],
            e["cycles_per_step"],
            e["network_steps"],
            e["multipliers"],
            f"{e['mac_utilisation']:.1%}",
            f"{e['memory_bits']:,}",
        ]
        for e in performance["engines"]
    ]
    return (
        html_table(head, rows, 8)
        + f"<p>Design: {performance['cycles_per_step']} cycles a step, {performance['latency_cycles']} cycles from the "
        "first beat of a step that comes alone to the last beat of its answer.</p>"
    )


def _simulations(simulations: list[dict[str, Any]]) -> str:
    if not simulations:
        return "<p class='quiet'>Not simulated yet: ffhw sim.</p>"
    head = ["simulator", "internals", "sequences", "codes compared, all equal", "cycles", "cycles a step", "predicted"]
    rows = [
        [
            s["simulator"] + (" (batch)" if "seconds" in s else " (cocotb)"),
            "yes" if s["internals"] else "no",
            s["sequences"],
            f"{s['compared']:,}",
            f"{s['cycles']:,}",
            s["cycles_per_step"] if s["cycles_per_step"] is not None else "too short to tell",
            s["predicted_cycles_per_step"],
        ]
        for s in simulations
    ]
    return html_table(head, rows, 5)


def _syntheses(syntheses: list[dict[str, Any]]) -> str:
    if not syntheses:
        return "<p class='quiet'>Not synthesized yet: ffhw synth.</p>"
    head = [
        "board",
        "bitstream",
        "netlist",
        "LUTs",
        "flip-flops",
        "multipliers",
        "block RAMs",
        "Fmax in MHz",
        "clock in MHz",
        "steps a second",
    ]
    rows = []
    for s in syntheses:
        used = {kind: count["used"] for kind, count in s["utilisation"].items()}
        star = "" if s["fmax_reliable"] else "*"
        counts = [used.get(kind, 0) for kind in ("luts", "flip_flops", "multipliers", "block_rams")]
        rows.append(
            [
                s["title"],
                s["bitstream"],
                _netlist(s),
                *counts,
                f"{s['fmax_mhz']}{star}",
                f"{s['clock_mhz']:g}" if "clock_mhz" in s else "bare core",
                f"{s['steps_per_second']:,.0f}{star}",
            ]
        )
    lines = [f"{s['title']}: {difference}" for s in syntheses for difference in s.get("differences", [])]
    note = "".join(f"<p class='quiet'>{html.escape(line)}</p>" for line in lines)
    if any(not s["fmax_reliable"] for s in syntheses):
        note += "<p class='quiet'>* not reliable: the tools do not time this family's multipliers.</p>"
    return html_table(head, rows, 7) + note


def _clock_mhz(synthesis: dict[str, Any]) -> float:
    """The clock that the board's PLL makes; of a core without one, the fastest that it bears."""
    return float(synthesis.get("clock_mhz", synthesis["fmax_mhz"]))


def _netlist(synthesis: dict[str, Any]) -> str:
    """What the simulation of the netlist said before it was placed."""
    found = synthesis.get("netlist", {})
    return f"equal, {found.get('codes', 0):,} codes" if found.get("equal") else "not checked"

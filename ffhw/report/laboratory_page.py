"""The pages of ``ffhw analyze``: every figure drawn from the JSON file that stands beside it."""

from __future__ import annotations

import html
import json
from typing import Any

from ffhw import __version__
from ffhw.report import memory_figures, network_figures
from ffhw.report.page import STYLE, html_table
from ffhw.report.style import CELL_NAMES, styled, svg

Results = dict[str, dict[str, Any]]

# what each figure shows, in the order of the page
_CAPTIONS = {
    "samples": "The task: inputs, what is asked for, and what the network answers.",
    "activity": "Activity along its principal axes, coloured by the answer held. Lines join answers one bit apart.",
    "bits": "The same network in float and as golden integer models. Share of signs right; disparity: 0 is a cube.",
    "flip_flops": "What flip-flop neurons do: J sets, K resets, and where both are near 0 the state is held.",
    "fixed_points": "Fixed points without input, and slow points, where states linger. Lines: the way out.",
    "spectrum": "Eigenvalues before and after training, with the unit circle.",
    "robustness": "Other noise and other pulses than those trained on (dashed).",
    "holding": "How long memories last.",
    "connectivity": "Recurrent weights.",
}


def figures(results: Results) -> dict[str, Any]:
    """Every figure of one network's results, by name."""
    with styled():
        drawn: dict[str, Any] = {
            name: getattr(network_figures, name)(results[name])
            for name in ("samples", "connectivity", "spectrum", "flip_flops")
            if name in results
        }
        drawn["activity"] = memory_figures.activity(results["activity"])
        drawn["fixed_points"] = memory_figures.fixed_points(results["fixed_points"], results["activity"])
        drawn["robustness"] = memory_figures.robustness(results["robustness"])
        if "holding" in results:
            network = results["network"]
            drawn["holding"] = memory_figures.holding([(_kind(network), network["cell"], results["holding"])])
        if "bits" in results:
            drawn["bits"] = memory_figures.bits(results["bits"])
    return drawn


def files(networks: dict[str, Results], sizes: dict[str, Any] | None = None) -> dict[str, str]:
    """Content of the folder, by file name: pages, figures, and the JSON each figure was drawn from.

    Parameters
    ----------
    networks: results by title, in order. sizes: data of the smallest networks, if they were searched for.
    """
    content: dict[str, str] = {}
    sections = []
    for title, results in networks.items():
        drawn = figures(results)
        for name, data in results.items():
            content[f"{title}/{name}.json"] = json.dumps(data) + "\n"
        for name, drawing in drawn.items():
            content[f"{title}/{name}.svg"] = svg(drawing)
        sections.append(_section(title, results, [name for name in _CAPTIONS if name in drawn]))
    first = ""
    if len(networks) > 1:
        content |= {f"{name}.svg": svg(drawing) for name, drawing in _side_by_side(networks).items()}
        first = "<h2>Side by side</h2>" + _score_table(networks)
        first += "".join(_image(f"{name}.svg") for name in ("cubes", "spectra", "holding") if f"{name}.svg" in content)
    if sizes is not None:
        with styled():
            content["sizes.svg"] = svg(memory_figures.sizes(sizes))
        content["sizes.json"] = json.dumps(sizes, indent=2) + "\n"
        first += "<h2>Smallest networks</h2>" + _sizes_table(sizes) + _image("sizes.svg")
    content["index.html"] = (
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'><title>What the networks learned</title>"
        f"<style>{STYLE} img {{ max-width: 100%; }} figure {{ margin: 1.2rem 0; }}</style></head>\n<body>"
        f"<h1>What the network{'s' if len(networks) > 1 else ''} learned</h1>"
        f"<p class='quiet'>ffhw {__version__}</p>{first}{''.join(sections)}</body></html>\n"
    )
    return content


def _side_by_side(networks: dict[str, Results]) -> dict[str, Any]:
    with styled():
        drawn = {"cubes": memory_figures.cubes([(t, r["activity"]) for t, r in networks.items()])}
        rows = [(t, r["network"]["cell"], r["holding"]) for t, r in networks.items() if "holding" in r]
        plain = [(t, r["spectrum"]) for t, r in networks.items() if r["spectrum"]["recurrent"]]
        if plain:
            drawn["spectra"] = network_figures.spectra(plain)
        if rows:
            drawn["holding"] = memory_figures.holding(rows)
    return drawn


def _kind(network: dict[str, Any]) -> str:
    return f"{CELL_NAMES[network['cell']]}, {network['units']} units"


def _image(name: str) -> str:
    return f"<figure><img src='{html.escape(name)}' alt='{html.escape(name)}'></figure>\n"


def _section(title: str, results: Results, names: list[str]) -> str:
    network = results["network"]
    text = f"<h2>{html.escape(title)}: {html.escape(network['task'])}, {_kind(network)}</h2>\n"
    text += _score_table({title: results})
    for name in names:
        source = html.escape(f"{title}/{name}")
        text += (
            f"<figure><img src='{source}.svg' alt='{name.replace('_', ' ')}'><figcaption class='quiet'>"
            f"{_CAPTIONS[name]} (<a href='{source}.json'>data</a>)</figcaption></figure>\n"
        )
    return text


def _score_table(networks: dict[str, Results]) -> str:
    rows = []
    for title, results in networks.items():
        scores, corners = results["scores"], results["activity"]["corners"]
        points = results["fixed_points"]
        rows.append(
            [
                title,
                _kind(results["network"]),
                f"{results['network']['parameters']:,}",
                f"{scores['sign_accuracy']:.2%}",
                f"{scores['success_rate']:.1%}",
                f"{scores['mse']:.4f}",
                f"{scores['frobenius']:.3f}",
                f"{corners['purity']:.1%}",
                f"{corners['cube']['disparity']:.4f}" if corners["cube"] else "",
                " / ".join(str(n) for n in points["counts"].values()),
            ]
        )
    head = ["", "network", "parameters", "signs right", "sequences right", "MSE", "Frobenius", "purity", "disparity"]
    return html_table([*head, "stable / unstable / slow / neutral points"], rows, 8)


def _sizes_table(sizes: dict[str, Any]) -> str:
    rows = [
        [
            CELL_NAMES[cell],
            *(
                [row["units"], f"{row['parameters']:,}", f"{row['sign_accuracy']:.2%}"]
                if row
                else ["none tried", "", ""]
            ),
        ]
        for cell, row in sizes["smallest"].items()
    ]
    return html_table(["cell", "units", "parameters", "signs right"], rows, 3)

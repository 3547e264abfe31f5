"""The bridge to silicon: the same analyses on the golden model, at fewer and fewer bits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ffhw.model.quantize import quantize
from ffhw.numbers.scales import Widths
from ffhw.reading.keras_model import read_model
from ffhw.training.analysis.activity import activity
from ffhw.training.analysis.dynamics import Dynamics, QuantizedDynamics, System, respond
from ffhw.training.analysis.holding import silent_holds
from ffhw.training.analysis.probe import Generator, Probe
from ffhw.training.analysis.scores import error_norms
from ffhw.training.tasks.flipflop import FlipFlopTask


def quantized(model: Path, probe: Probe, bits: int) -> QuantizedDynamics:
    """Golden model of a JK network, every width ``bits``, calibrated on the probe."""
    lengths = np.full(len(probe.x), probe.x.shape[1])
    return QuantizedDynamics(quantize(read_model(model), probe.x, lengths, Widths(bits)))


def bridge(
    system: Dynamics,
    model: Path,
    widths: tuple[int, ...],
    generator: Generator,
    probe: Probe,
    shown: Probe,
    hold_steps: int,
    seed: int,
    progress: Callable[[int, int], None] = lambda *_: None,
    exact: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Float network and golden models side by side.

    Parameters
    ----------
    exact: the float network's row without its ``bits``, where these very analyses were made of it already: a hold of a
        million steps is not watched twice.

    Returns
    -------
    ``rows``, the float network first (``bits`` None): ``scores``, ``activity`` with its corners and cube, and for a
    memory ``hold``: what became of each state left alone for ``hold_steps``.
    """

    def row(net: System) -> dict[str, Any]:
        memory = generator if isinstance(generator, FlipFlopTask) else None
        return {
            "scores": error_norms(respond(net, probe.x), probe),
            "activity": activity(net, probe, shown),
            "hold": silent_holds(net, memory, hold_steps, seed) if memory else None,
        }

    rows = [{"bits": None, **(exact or row(system))}]
    for number, bits in enumerate(widths):
        progress(number, len(widths))
        rows.append({"bits": bits, **row(quantized(model, probe, bits))})
    progress(len(widths), len(widths))
    return {"rows": rows}

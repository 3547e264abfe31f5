"""The bridge to silicon: the same analyses on the golden model, at fewer and fewer bits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ffhw.keras_file import read_model
from ffhw.quantize import Widths, quantize
from ffhw.training.analysis.activity import activity
from ffhw.training.analysis.dynamics import Dynamics, QuantizedDynamics, respond
from ffhw.training.analysis.holding import silent_holds
from ffhw.training.analysis.probe import Generator, Probe
from ffhw.training.analysis.scores import error_norms
from ffhw.training.flipflop import FlipFlopTask


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
) -> dict[str, Any]:
    """Float network and golden models side by side.

    Returns
    -------
    ``rows``, the float network first (``bits`` None): ``scores``, ``activity`` with its corners and cube, and for a
    memory ``hold``: what became of each state left alone for ``hold_steps``.
    """
    rows = []
    for number, bits in enumerate((None, *widths)):
        progress(number, len(widths) + 1)
        net = system if bits is None else quantized(model, probe, bits)
        row = {
            "bits": bits,
            "scores": error_norms(respond(net, probe.x), probe),
            "activity": activity(net, probe, shown),
            "hold": None,
        }
        if isinstance(generator, FlipFlopTask):
            row["hold"] = silent_holds(net, generator, hold_steps, seed)
        rows.append(row)
    progress(len(widths) + 1, len(widths) + 1)
    return {"rows": rows}

"""How a network bears what it was not trained on: more noise, other pulses."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from ffhw.training.analysis.dynamics import System, respond
from ffhw.training.analysis.probe import Generator, probe
from ffhw.training.analysis.scores import error_norms
from ffhw.training.tasks.flipflop import FlipFlopTask

NOISES = (0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0)
AMPLITUDES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0)
WIDTHS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)


def variations(generator: Generator) -> dict[str, list[tuple[float, Generator]]]:
    """Tasks by what was changed, each with its value: noise, and for a memory the pulses' amplitude and width."""
    noises = [generator.noise * share for share in NOISES]
    changed: dict[str, list[tuple[float, Generator]]] = {
        "noise": [(noise, dataclasses.replace(generator, noise=noise)) for noise in noises]
    }
    if isinstance(generator, FlipFlopTask):
        amplitudes = [generator.amplitude * share for share in AMPLITUDES]
        # noise is given as a share of the amplitude: it must not shrink with the pulses
        changed["amplitude"] = [
            (a, dataclasses.replace(generator, amplitude=a, noise=generator.noise * generator.amplitude / a))
            for a in amplitudes
        ]
        widths = sorted({max(generator.dt_ms, generator.pulse_ms * share) for share in WIDTHS})
        changed["pulse_ms"] = [(w, dataclasses.replace(generator, pulse_ms=w)) for w in widths]
    return changed


def robustness(
    system: System,
    generator: Generator,
    samples: int,
    seed: int,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> dict[str, Any]:
    """Sign accuracy and success rate along each variation; ``trained`` is the value of the training data."""
    changed = variations(generator)
    total, done = sum(len(v) for v in changed.values()), 0
    curves = {}
    for name, tasks in changed.items():
        rows = []
        for value, task in tasks:
            shown = probe(task, samples, seed)
            norms = error_norms(respond(system, shown.x), shown)
            rows.append({"value": value, **norms})
            done += 1
            progress(done, total)
        curves[name] = {"trained": float(getattr(generator, name)), "rows": rows}
    return {"samples": samples, "curves": curves}

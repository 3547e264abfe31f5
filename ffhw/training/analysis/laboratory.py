"""Everything one can ask of a trained network, in one call."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from ffhw.training.analysis import probe as probes
from ffhw.training.analysis.activity import Activity, activity, record
from ffhw.training.analysis.bits import bridge
from ffhw.training.analysis.dynamics import Dynamics, respond
from ffhw.training.analysis.fixed_points import fixed_points, relax
from ffhw.training.analysis.flipflops import flip_flops
from ffhw.training.analysis.holding import long_holds, silent_holds
from ffhw.training.analysis.probe import Floats
from ffhw.training.analysis.robustness import robustness
from ffhw.training.analysis.scores import error_norms, task_samples
from ffhw.training.analysis.spectrum import connectivity, spectrum
from ffhw.training.analysis.subject import Subject
from ffhw.training.tasks.flipflop import FlipFlopTask

_WIDE = 128


@dataclasses.dataclass(frozen=True)
class Effort:
    """How much is tried.

    Parameters
    ----------
    samples: test sequences. starts: searches for fixed points, besides those from the memories.
    factors: holds through noise, in training lengths. repeats: noises a memory. hold_steps: of holds without input.
    bits: widths of the golden models; none for none.
    """

    samples: int = 128
    starts: int = 64
    factors: tuple[int, ...] = (1, 3, 10, 30, 100, 300, 1000)
    repeats: int = 4
    hold_steps: int = 1_000_000
    bits: tuple[int, ...] = (8, 4, 2, 1)

    def for_units(self, units: int) -> Effort:
        """Less of what takes an hour with hundreds of units: fewer searches, noises and steps."""
        if units <= _WIDE:
            return self
        return dataclasses.replace(
            self, starts=min(self.starts, 16), repeats=1, hold_steps=min(self.hold_steps, 100_000)
        )


QUICK = Effort(samples=16, starts=8, factors=(1, 3, 10), repeats=1, hold_steps=5_000)


def analyze(
    subject: Subject,
    effort: Effort,
    seed: int = 1,
    step: Callable[[str], None] = lambda _: None,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> dict[str, dict[str, Any]]:
    """All analyses of one network: JSON data by name.

    ``network``, ``samples``, ``scores``, ``spectrum``, ``activity``, ``fixed_points``, ``robustness``; where gates see
    the state ``connectivity``; for a memory ``holding``; for JK ``flip_flops`` and ``bits``.

    Parameters
    ----------
    step: told what begins. progress: told how far it is.
    """
    system, generator = subject.system, subject.generator
    effort = effort.for_units(system.state_size)
    step("task samples, errors")
    tested, shown = probes.probe(generator, effort.samples, seed), probes.showcase(generator, seed)
    recorded = record(system, tested)
    result: dict[str, dict[str, Any]] = {
        "network": _describe(subject, seed),
        "samples": task_samples(system, shown, generator.dt_ms),
        "scores": error_norms(respond(system, tested.x), tested),
    }
    step("connectivity and spectrum")
    if system.weights.recurrent_gates:
        result["connectivity"] = connectivity(system, subject.initial)
    result["spectrum"] = spectrum(system, subject.initial, *_memories(system, recorded, generator.rest()))
    step("principal components")
    result["activity"] = activity(system, tested, shown)
    step("fixed points")
    result["fixed_points"] = fixed_points(system, recorded, generator.rest(), effort.starts, seed, progress)
    step("robustness")
    result["robustness"] = robustness(system, generator, effort.samples, seed, progress)
    if isinstance(generator, FlipFlopTask):
        step("holding through noise")
        noisy = long_holds(system, generator, effort.factors, effort.repeats, seed, progress)
        step("holding in silence")
        result["holding"] = {
            "noisy": noisy,
            "silent": silent_holds(system, generator, effort.hold_steps, seed, progress),
        }
    if system.cell == "jk":
        step("flip-flops")
        result["flip_flops"] = flip_flops(system, shown, generator.dt_ms)
        if effort.bits:
            step(f"golden models of {', '.join(map(str, effort.bits))} bits")
            hold = result["holding"]["silent"] if "holding" in result else None
            exact = {"scores": result["scores"], "activity": result["activity"], "hold": hold}
            result["bits"] = bridge(
                system, subject.path, effort.bits, generator, tested, shown, effort.hold_steps, seed, progress, exact
            )
    return result


def _memories(system: Dynamics, recorded: Activity, rest: Floats) -> tuple[Floats, Floats]:
    """Every memory relaxed under every resting input: states ``[count, S]``, inputs ``[count, D]``."""
    _, held = recorded.memories()
    states = np.concatenate([relax(system, held, x) for x in rest])
    return states, np.repeat(rest, len(held), axis=0)


def _describe(subject: Subject, seed: int) -> dict[str, Any]:
    system = subject.system
    return {
        "name": system.name,
        "model": subject.path.name,
        "task": subject.task,
        "generator": {"kind": type(subject.generator).__name__, **dataclasses.asdict(subject.generator)},
        "cell": system.cell,
        "units": system.units,
        "parameters": system.parameters,
        "trained": {key: subject.record.get(key) for key in ("seed", "epochs", "learning_rate", "test")},
        "seed": seed,
    }

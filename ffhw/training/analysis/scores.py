"""How well a network does its task: the samples themselves, error norms, success."""

from __future__ import annotations

from typing import Any

import numpy as np

from ffhw.training.analysis.dynamics import System, respond
from ffhw.training.analysis.numbers import rounded
from ffhw.training.analysis.probe import Floats, Probe


def task_samples(system: System, shown: Probe, dt_ms: float) -> dict[str, Any]:
    """Inputs, targets and outputs of a few sequences, each ``[sample, time, channel]``, and whether each succeeded."""
    outputs = respond(system, shown.x)
    return {
        "dt_ms": dt_ms,
        "inputs": rounded(shown.x, 4),
        "targets": rounded(shown.y, 4),
        "outputs": rounded(outputs, 4),
        "success": succeeded(outputs, shown).tolist(),
    }


def succeeded(outputs: Floats, probe: Probe) -> Any:
    """Whether every output of a sequence is on the right side wherever an answer is due; ``[batch]``."""
    right = np.sign(outputs) == probe.y
    return (right | ~probe.due).all(axis=(1, 2))


def error_norms(outputs: Floats, probe: Probe) -> dict[str, float]:
    """Errors where the task asks for something.

    Returns
    -------
    ``frobenius``: ``||Y - T||_F``, the mean over the sequences; ``mse``; ``sign_accuracy`` of all answers of -1 or +1,
    without any grace; ``success_rate``: the share of sequences without a single wrong sign where an answer is due.
    """
    asked = ~np.isnan(probe.y)
    error = np.where(asked, outputs - np.nan_to_num(probe.y), 0.0)
    answers = np.abs(probe.y) == 1
    return {
        "sequences": len(probe.x),
        "frobenius": float(np.sqrt(np.square(error).sum(axis=(1, 2))).mean()),
        "mse": float(np.square(error).sum() / asked.sum()),
        "sign_accuracy": float((np.sign(outputs) == probe.y)[answers].mean()),
        "success_rate": float(succeeded(outputs, probe).mean()),
    }

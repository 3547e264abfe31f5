"""Connectivity and eigenvalues: how training moved the weights, and what the memory states' surroundings do."""

from __future__ import annotations

from typing import Any

import numpy as np

from ffhw.training.analysis.dynamics import Dynamics
from ffhw.training.analysis.numbers import complex_pairs, rounded
from ffhw.training.analysis.probe import Floats

# an eigenvalue this far from the unit circle is counted outside or inside it
_ON_CIRCLE = 0.01


def connectivity(trained: Dynamics, initial: Dynamics | None) -> dict[str, Any]:
    """Recurrent matrices ``[to, from]`` of every gate, and how their weights are distributed before and after."""
    matrices = trained.recurrent_matrices()
    before = initial.recurrent_matrices() if initial else {}
    gates = []
    for name, matrix in matrices.items():
        limit = max(float(np.abs(m).max()) for m in (matrix, before.get(name, matrix)))
        edges = np.linspace(-limit, limit, 61)
        gates.append(
            {
                "gate": name,
                "matrix": rounded(matrix, 3),
                "edges": rounded(edges),
                "trained": np.histogram(matrix, edges)[0].tolist(),
                "initial": np.histogram(before[name], edges)[0].tolist() if before else None,
                "frobenius_change": float(np.linalg.norm(matrix - before[name])) if before else None,
                "density": float((matrix != 0).mean()),
            }
        )
    return {"cell": trained.cell, "units": trained.units, "gates": gates}


def spectrum(
    trained: Dynamics, initial: Dynamics | None, memories: Floats | None, inputs: Floats | None
) -> dict[str, Any]:
    """Eigenvalues of the recurrent matrix and of the state's Jacobian.

    Parameters
    ----------
    memories ``[count, S]``, inputs ``[count, D]``: the memory states and the inputs they rest under; None if unknown.

    Returns
    -------
    ``recurrent``: eigenvalues of W before and after training, for cells of one matrix. A gated cell has no single
    matrix: there, ``recurrent`` is None, and ``jacobian`` says what it does, as it does near the memories of any cell.
    ``jacobian``: eigenvalues of dF/ds at each memory; an initial network's at the origin.
    """
    result: dict[str, Any] = {"cell": trained.cell, "recurrent": None, "jacobian": None}
    if trained.cell in ("rnn", "ctrnn"):
        values = {"trained": np.linalg.eigvals(trained.recurrent_matrices()["h"])}
        if initial:
            values["initial"] = np.linalg.eigvals(initial.recurrent_matrices()["h"])
        result["recurrent"] = {name: {"values": complex_pairs(v), **_counts(v)} for name, v in values.items()}
    jacobian: dict[str, Any] = {"trained": [], "initial": None}
    if initial:
        origin = initial.jacobian(np.zeros((1, initial.state_size)), np.zeros(initial.inputs))
        jacobian["initial"] = complex_pairs(np.linalg.eigvals(origin[0]))
    if memories is not None and inputs is not None:
        for state, x in zip(memories, inputs, strict=True):
            jacobian["trained"].append(complex_pairs(np.linalg.eigvals(trained.jacobian(state[None], x)[0])))
        jacobian["largest"] = max(abs(complex(*v)) for values in jacobian["trained"] for v in values)
    result["jacobian"] = jacobian
    return result


def _counts(values: Any) -> dict[str, Any]:
    radius = np.abs(values)
    return {
        "outside": int((radius > 1 + _ON_CIRCLE).sum()),
        "on_circle": int((np.abs(radius - 1) <= _ON_CIRCLE).sum()),
        "inside": int((radius < 1 - _ON_CIRCLE).sum()),
        "largest": float(radius.max()),
        "margin": _ON_CIRCLE,
    }

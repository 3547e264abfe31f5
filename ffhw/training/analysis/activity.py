"""The shape of the activity: principal components, the corners where memories sit, and how much of a cube they make."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from scipy.spatial import procrustes
from scipy.spatial.distance import pdist, squareform
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA

from ffhw.training.analysis.dynamics import System
from ffhw.training.analysis.numbers import rounded
from ffhw.training.analysis.probe import Floats, Probe, label_names

_POINTS_SHOWN = 1500


@dataclasses.dataclass(frozen=True)
class Activity:
    """States of a network that does its task, and their principal axes.

    states ``[batch, time, S]``; labels ``[batch, time]`` as in :class:`Probe`; pca of the units' outputs h; units: N.
    """

    states: Floats
    labels: Any
    pca: PCA
    units: int

    def project(self, states: Floats) -> Floats:
        """Principal coordinates ``[..., axes]`` of states ``[..., S]``; at least three, zeros beyond the units."""
        h = states[..., : self.units]
        return _widen(self.pca.transform(h.reshape(-1, self.units)).reshape(*h.shape[:-1], -1))

    def turn(self, directions: Floats) -> Floats:
        """Directions ``[..., S]`` along the principal axes, ``[..., axes]``."""
        return _widen(directions[..., : self.units] @ self.pca.components_.T)

    @property
    def explained(self) -> Floats:
        """Share of the variance along each axis; zeros where nothing varies."""
        total = self.states[..., : self.units].reshape(-1, self.units).var(axis=0, ddof=1).sum()
        variance = _widen(self.pca.explained_variance_)
        return variance / total if total > 0 else np.zeros(len(variance))

    def memories(self) -> tuple[list[int], Floats]:
        """The answers that occur, and the mean state ``[answers, S]`` while each is held."""
        present = [int(n) for n in np.unique(self.labels) if n >= 0]
        return present, np.array([self.states[self.labels == n].mean(axis=0) for n in present])


def _widen(values: Floats) -> Floats:
    """Values ``[..., axes]`` with zeros up to three axes: networks of one or two units are drawn in space too."""
    missing = max(0, 3 - values.shape[-1])
    return np.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, missing)])


def record(system: System, probe: Probe) -> Activity:
    """Run a network and find the principal axes of its activity, at least three and one an output."""
    states, _ = system.run(probe.x)
    h = states[..., : system.units].reshape(-1, system.units)
    wanted = min(max(3, probe.y.shape[-1]), system.units)
    with np.errstate(invalid="ignore"):  # where nothing varies, scikit-learn divides zero by zero
        pca = PCA(wanted, random_state=0).fit(h)
    return Activity(states, probe.labels, pca, system.units)


def activity(system: System, probe: Probe, shown: Probe) -> dict[str, Any]:
    """Principal components of a network's activity, the corners found in them, and their regularity.

    Parameters
    ----------
    probe: sequences from which axes and corners are taken. shown: sequences whose trajectories are drawn.

    Returns
    -------
    ``points``: coordinates and labels of held states; ``path``: of whole trajectories; ``corners``: see
    :func:`corners`; ``explained``: share of the variance along each axis.
    """
    recorded = record(system, probe)
    coordinates = recorded.project(recorded.states)
    held = recorded.labels >= 0
    points, labels = coordinates[held], recorded.labels[held]
    some = np.random.default_rng(0).permutation(len(points))[:_POINTS_SHOWN]
    path = recorded.project(system.run(shown.x)[0])
    return {
        "names": label_names(probe.y.shape[-1]),
        "explained": rounded(recorded.explained),
        "points": {"coordinates": rounded(points[some], 4), "labels": labels[some].tolist()},
        "path": {"coordinates": rounded(path, 4), "labels": shown.labels.tolist()},
        "corners": corners(points, labels, probe.y.shape[-1]),
    }


def corners(points: Floats, labels: Any, outputs: int) -> dict[str, Any]:
    """Corners of the held activity, found without its labels, then compared with them.

    k-means looks for as many clusters as there are answers, or different states if those are fewer.

    Returns
    -------
    ``purity``: share of the states whose cluster holds mostly their own answer; 1 where the clusters are the memories.
    ``separation``: least distance between two memories' centres, in units of the largest cluster's root mean square
    radius. ``centres`` by answer. ``cube``: see :func:`cube`; None unless every answer occurs.
    """
    present = np.unique(labels)
    clusters = min(len(present), len(np.unique(points.round(9), axis=0)))
    found = KMeans(clusters, n_init=10, random_state=0).fit_predict(points)
    table = np.zeros((clusters, len(present)), np.int64)
    np.add.at(table, (found, np.searchsorted(present, labels)), 1)
    centres = np.array([points[labels == n].mean(axis=0) for n in present])
    radius = max(
        float(np.sqrt(np.square(points[labels == n] - centre).sum(axis=1).mean()))
        for n, centre in zip(present, centres, strict=True)
    )
    nearest = float(pdist(centres).min()) if len(present) > 1 else 0.0
    return {
        "purity": float(table.max(axis=1).sum() / len(points)),
        "separation": nearest / radius if radius else None,
        "answers": present.tolist(),
        "centres": rounded(centres),
        "cube": cube(centres, outputs) if len(present) == 2**outputs and outputs > 1 else None,
    }


def cube(centres: Floats, outputs: int) -> dict[str, Any]:
    """How much of a (hyper)cube the centres ``[2^outputs, axes]`` make, in order of their answers.

    Corners whose answers differ in d outputs are ``sqrt(d)`` edges apart in a cube.

    Returns
    -------
    ``edge_variation``: standard deviation of the edges over their mean; ``distance_ratios``: mean distance at each d in
    mean edges, ``expected_ratios`` beside it; ``disparity``: the least sum of squares to any turned, scaled and shifted
    cube, of a total of 1 (Procrustes); 0 is a cube.
    """
    numbers = np.arange(len(centres))
    signs = (numbers[:, None] >> np.arange(outputs) & 1) * 2.0 - 1.0
    differing = squareform(pdist(signs, "hamming") * outputs).round().astype(int)
    distance = squareform(pdist(centres))
    edges = distance[differing == 1]
    if not edges.all():
        return {"edge_variation": None, "distance_ratios": None, "expected_ratios": None, "disparity": 1.0}
    axes = max(outputs, centres.shape[1])
    padded = [np.pad(a, ((0, 0), (0, axes - a.shape[1]))) for a in (signs, centres)]
    return {
        "edge_variation": float(edges.std() / edges.mean()),
        "distance_ratios": [float(distance[differing == d].mean() / edges.mean()) for d in range(1, outputs + 1)],
        "expected_ratios": [float(np.sqrt(d)) for d in range(1, outputs + 1)],
        "disparity": float(procrustes(*padded)[2]),
    }

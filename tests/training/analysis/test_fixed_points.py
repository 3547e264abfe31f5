from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np
import pytest
from known import CORNER, flip_flop_latches, latches

from ffhw.training.analysis.activity import record
from ffhw.training.analysis.fixed_points import fixed_points, relax, search
from ffhw.training.analysis.probe import probe
from ffhw.training.analysis.spectrum import connectivity, spectrum
from ffhw.training.tasks.flipflop import FlipFlopTask

TASK = FlipFlopTask()


@pytest.fixture(scope="module")
def found():
    system = latches()
    recorded = record(system, probe(TASK, 16, seed=1))
    return recorded, fixed_points(system, recorded, TASK.rest(), starts=200, seed=2)


def test_each_unit_has_three(found):
    """27 combinations of 0 and +-CORNER; each unit at 0 is one unstable direction."""
    _, data = found
    points = data["points"]
    # where a point lies: outputs are states over CORNER
    places = {tuple(np.round(p["outputs"], 3) + 0.0) for p in points}
    assert len(places) == len(points)
    assert all(value in (-1, 0, 1) for place in places for value in place)
    for point in points:
        at_zero = sum(abs(v) < 1e-6 for v in point["outputs"])
        assert point["unstable"] == at_zero
        assert point["largest"] == pytest.approx(2.0 if at_zero else 2 * (1 - CORNER**2))
        assert point["speed"] < 1e-20
    counts = Counter(p["unstable"] for p in points)
    assert counts[0] == data["counts"]["stable"] == 8
    assert counts[1] == 12
    assert data["counts"] == {"stable": 8, "unstable": len(points) - 8, "slow": 0, "neutral": 0}


def test_escape_directions_lie_along_the_unit_that_is_undecided(found):
    recorded, data = found
    for point in data["points"]:
        if point["unstable"] == 1:
            unit = int(np.argmin(np.abs(point["outputs"])))
            axis = recorded.pca.components_[:, unit]
            assert abs(np.dot(axis, point["direction"])) == pytest.approx(1.0, abs=1e-3)


def test_a_search_ends_at_the_nearest():
    state, speed = search(latches(), np.array([0.9, -0.8, 0.05]), np.zeros(3))
    assert speed < 1e-25
    assert state == pytest.approx([CORNER, -CORNER, 0.0], abs=1e-9)


def test_relaxing_falls_into_the_memory():
    assert relax(latches(), np.array([[0.3, -0.01, 0.9]]), np.zeros(3)) == pytest.approx(
        np.array([[CORNER, -CORNER, CORNER]])
    )


def test_ghosts_of_fixed_points_are_slow_points():
    """Just past the fold where h = tanh(2 h + u) loses its upper solution, a state lingers at u = -0.5330."""
    system = latches(1)
    recorded = record(system, probe(FlipFlopTask(channels=1), 8, seed=1))
    kinds = [
        {
            p["kind"]: p
            for p in fixed_points(system, recorded, np.array([[u]]), starts=8)["points"]
            if p["outputs"][0] > 0
        }
        for u in (-0.5320, -0.5330)
    ]
    assert set(kinds[0]) == {"stable", "unstable"}
    assert set(kinds[1]) == {"slow"}
    assert 1e-20 < kinds[1]["slow"]["speed"] < 1e-6


def test_no_fixed_point_is_claimed_where_there_is_none():
    """A unit that a constant input drives upwards, past any state that is searched, only slows down."""
    system = latches(1, gain=0.0)
    recorded = record(system, probe(FlipFlopTask(channels=1), 4, seed=1))
    data = fixed_points(system, recorded, np.zeros((1, 1)), starts=5)
    assert [p["outputs"] for p in data["points"]] == [[0.0]]


def test_spectrum_of_known_matrices():
    system = latches()
    data = spectrum(system, latches(gain=1.0), np.full((1, 3), CORNER), np.zeros((1, 3)))
    assert data["recurrent"]["trained"]["values"] == [[2.0, 0.0]] * 3
    assert {key: data["recurrent"]["trained"][key] for key in ("outside", "on_circle", "inside")} == {
        "outside": 3, "on_circle": 0, "inside": 0,
    }  # fmt: skip
    assert data["recurrent"]["initial"]["on_circle"] == 3
    assert data["jacobian"]["largest"] == pytest.approx(2 * (1 - CORNER**2), rel=1e-4)
    assert data["jacobian"]["initial"] == [[1.0, 0.0]] * 3


def test_connectivity_counts_weights():
    data = connectivity(latches(), latches(gain=1.0))["gates"][0]
    assert data["matrix"] == (2 * np.eye(3)).tolist()
    assert sum(data["trained"]) == sum(data["initial"]) == 9
    assert data["frobenius_change"] == pytest.approx(3**0.5)
    assert data["density"] == pytest.approx(1 / 3)


def test_points_that_are_neither_left_nor_returned_to_are_not_called_stable():
    """Behind closed gates every state stands still: as many points as there were searches apart from each other."""
    sigmoid, closed = flip_flop_latches(bias=-3.0), flip_flop_latches(bias=-5.0)
    closed = dataclasses.replace(closed, weights=dataclasses.replace(closed.weights, closing=True))
    for system, kind in ((sigmoid, "stable"), (closed, "neutral")):
        counts = fixed_points(system, record(system, probe(TASK, 16, seed=1)), TASK.rest(), starts=9)["counts"]
        assert counts[kind] == sum(counts.values())
        # the sigmoid's latches all relax to one half
        assert counts[kind] == 1 or kind == "neutral"

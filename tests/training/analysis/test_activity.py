from __future__ import annotations

import itertools

import numpy as np
import pytest
from known import latches

from ffhw.training.analysis.activity import activity, corners, cube, record
from ffhw.training.analysis.probe import Probe, label_names, probe, showcase
from ffhw.training.tasks.flipflop import FlipFlopTask

TASK = FlipFlopTask()


def corner_points(outputs=3):
    """Corners of a cube in the order of their answers: the first output changes fastest."""
    return np.array(list(itertools.product((-1.0, 1.0), repeat=outputs)))[:, ::-1]


def test_labels_number_the_answers():
    y = np.array([[[1, -1, -1], [1, 1, -1], [-1, -1, 1], [0, 1, 1], [np.nan, 1, 1]]])
    assert Probe(y, y).labels.tolist() == [[1, 3, 4, -1, -1]]
    names = label_names(3)
    assert [names[n].replace("\N{MINUS SIGN}", "-") for n in (1, 3, 4)] == ["+--", "++-", "--+"]


def test_a_network_of_latches_is_a_cube():
    data = activity(latches(), probe(TASK, 32, seed=1), showcase(TASK, seed=2))
    found = data["corners"]
    assert found["purity"] == 1.0
    assert found["separation"] > 20
    assert found["answers"] == list(range(8))
    assert found["cube"]["disparity"] < 1e-4
    assert found["cube"]["edge_variation"] < 0.01
    assert found["cube"]["distance_ratios"] == pytest.approx([1, 2**0.5, 3**0.5], rel=0.01)
    assert sum(data["explained"]) == pytest.approx(1.0, abs=1e-4)
    assert np.shape(data["path"]["coordinates"]) == (1, 600, 3)


def test_a_cube_turned_and_scaled_is_a_cube(rng):
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    shape = cube(corner_points() @ turn * 7 + 3, 3)
    assert shape["disparity"] < 1e-12
    assert shape["edge_variation"] < 1e-9
    assert shape["distance_ratios"] == pytest.approx(shape["expected_ratios"])


def test_other_shapes_are_not(rng):
    flat = corner_points() * [1, 1, 0.3]
    assert cube(flat, 3)["edge_variation"] == pytest.approx(np.std([2, 2, 0.6]) / np.mean([2, 2, 0.6]))
    assert cube(flat, 3)["disparity"] > 0.05
    # corners of a cube with two of them exchanged: same places, wrong memories
    swapped = corner_points()[[0, 6, 2, 3, 4, 5, 1, 7]]
    assert cube(swapped, 3)["disparity"] > 0.2
    assert cube(np.zeros((8, 3)), 3)["disparity"] == 1.0


def test_four_bits_make_a_hypercube():
    assert cube(corner_points(4), 4)["distance_ratios"] == pytest.approx([1, 2**0.5, 3**0.5, 2])


def test_mixed_clusters_are_not_pure(rng):
    labels = np.repeat(np.arange(4), 50)
    centres = np.array([[0, 0], [10, 0], [0, 10], [10, 10]])
    clean = corners(centres[labels] + rng.normal(0, 0.1, (200, 2)), labels, 2)
    assert clean["purity"] == 1.0
    assert clean["separation"] > 50
    mixed = corners(centres[labels // 2] + rng.normal(0, 0.1, (200, 2)), labels, 2)
    assert mixed["purity"] < 0.8
    assert mixed["separation"] < 1


def test_activity_that_never_moves():
    still = latches(gain=0.0)
    quiet = probe(TASK, 32, seed=1)
    data = activity(still, Probe(0 * quiet.x, quiet.y), Probe(0 * quiet.x, quiet.y))
    assert data["explained"] == [0.0, 0.0, 0.0]
    assert data["corners"]["separation"] is None
    assert data["corners"]["cube"]["disparity"] == 1.0


def test_memories_are_the_mean_states():
    recorded = record(latches(), probe(TASK, 16, seed=3))
    answers, states = recorded.memories()
    assert answers == list(range(8))
    assert np.array_equal(np.sign(states), corner_points())

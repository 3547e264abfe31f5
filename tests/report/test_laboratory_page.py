"""The figures of `ffhw analyze`: what they draw is what the data say."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

from ffhw.report import laboratory_page, memory_figures, network_figures
from ffhw.report.style import STATES, styled, svg
from ffhw.training.analysis.activity import activity
from ffhw.training.analysis.cells import CellWeights
from ffhw.training.analysis.dynamics import Dynamics
from ffhw.training.analysis.laboratory import QUICK, analyze
from ffhw.training.analysis.probe import probe, showcase
from ffhw.training.analysis.subject import Subject
from ffhw.training.tasks.flipflop import FlipFlopTask

TASK = FlipFlopTask()
EFFORT = dataclasses.replace(QUICK, samples=16, starts=4, factors=(1, 3), hold_steps=5000, bits=())


def subject(name, cell):
    """A memory whose units are latches of their own; see tests/training/analysis/known.py."""
    eye = np.eye(3)
    if cell == "rnn":
        system = Dynamics(name, "rnn", CellWeights(eye, 2 * eye, np.zeros(3)), eye, np.zeros(3), 12)
    else:
        kernel = np.concatenate([60 * eye, -60 * eye], axis=1)
        weights = CellWeights(kernel, np.zeros((3, 6)), np.full(6, -30.0))
        system = Dynamics(name, "jk", weights, 2 * eye, -np.ones(3), 54)
    return Subject(Path(f"{name}.keras"), system, system, TASK, "flipflop3", {})


@pytest.fixture(scope="module")
def results():
    return {name: analyze(subject(name, cell), EFFORT) for name, cell in (("latches", "rnn"), ("flops", "jk"))}


def drawn(function, *arguments):
    with styled():
        return function(*arguments)


def lines(ax, **properties):
    return [line for line in ax.lines if all(getattr(line, f"get_{k}")() == v for k, v in properties.items())]


def test_samples_show_inputs_targets_and_outputs(results):
    figure = drawn(network_figures.samples, results["latches"]["samples"])
    assert len(figure.axes) == 3
    for channel, ax in enumerate(figure.axes):
        _, output = ax.lines
        assert output.get_ydata() == pytest.approx(np.array(results["latches"]["samples"]["outputs"])[0, :, channel])
        assert output.get_xdata()[-1] == 599


def test_samples_of_trials():
    data = {"dt_ms": 20.0, "inputs": np.zeros((3, 5, 2)), "targets": np.ones((3, 5, 1)), "outputs": np.ones((3, 5, 1))}
    figure = drawn(network_figures.samples, data)
    assert [ax.get_title() for ax in figure.axes[:3]] == ["trial 1", "trial 2", "trial 3"]


def test_activity_has_a_cube_and_three_projections(results):
    data = results["latches"]["activity"]
    figure = drawn(memory_figures.activity, data)
    space, *planes = figure.axes
    edges = [line for line in space.lines if len(line.get_data_3d()[0]) == 2]
    assert len(edges) == 12
    assert len(planes) == 3
    assert planes[0].get_xlabel() == f"PC 1 ({data['explained'][0]:.0%})"
    for plane in planes:
        assert len(plane.collections[0].get_offsets()) == len(data["points"]["labels"])
        assert len(np.unique(plane.collections[0].get_facecolors(), axis=0)) == 8 == len(set(STATES))


def test_fixed_points_are_counted_and_drawn(results):
    data = results["latches"]["fixed_points"]
    assert data["counts"]["stable"] == 8
    figure = drawn(memory_figures.fixed_points, data, results["latches"]["activity"])
    ax = figure.axes[1]
    assert len(lines(ax, marker="o")) == 8
    assert len(lines(ax, marker="X")) == data["counts"]["unstable"] > 0
    assert [t.get_text() for t in figure.legends[0].get_texts()] == [
        "8 stable", f"{data['counts']['unstable']} unstable", "0 slow",
    ]  # fmt: skip


def test_spectrum_marks_what_left_the_circle(results):
    figure = drawn(network_figures.spectrum, results["latches"]["spectrum"])
    plane, radii, jacobian = figure.axes
    assert "3 outside" in [t.get_text() for t in plane.get_legend().get_texts()]
    assert plane.collections[-1].get_offsets().tolist() == [[2, 0]] * 3
    assert radii.collections[-1].get_offsets().tolist() == [[0, 2]] * 3
    # one colour a memory, and the network before training
    assert len(jacobian.collections) == 9


def test_spectra_side_by_side(results):
    data = results["latches"]["spectrum"]
    figure = drawn(network_figures.spectra, [("one", data), ("other", data)])
    assert [ax.get_title() for ax in figure.axes] == ["one: 3 outside", "other: 3 outside"]
    assert figure.axes[0].collections[0].get_offsets().tolist() == [[0, 2]] * 3


def test_gated_cells_have_the_jacobian_only(results):
    assert len(drawn(network_figures.spectrum, results["flops"]["spectrum"]).axes) == 1


def test_connectivity_of_one_gate_and_of_two(results):
    one, two = (drawn(network_figures.connectivity, results[n]["connectivity"]) for n in ("latches", "flops"))
    assert one.axes[0].images[0].get_array().tolist() == (2 * np.eye(3)).tolist()
    assert [ax.get_title() for ax in two.axes if ax.images and ax.get_title()] == ["gate J", "gate K"]


def test_flip_flops_show_the_gates(results):
    data = results["flops"]["flip_flops"]
    figure = drawn(network_figures.flip_flops, data)
    for ax, unit in zip(figure.axes, data["units"], strict=False):
        assert [list(line.get_ydata()) for line in ax.lines] == [unit["j"], unit["k"], unit["h"]]
    assert sum(patch.get_width() for patch in figure.axes[-1].patches) == pytest.approx(100)


def test_robustness_curves(results):
    data = results["latches"]["robustness"]
    figure = drawn(memory_figures.robustness, data)
    assert len(figure.axes) == 3
    rows = data["curves"]["amplitude"]["rows"]
    assert figure.axes[1].lines[0].get_ydata() == pytest.approx([100 * r["sign_accuracy"] for r in rows])
    assert figure.axes[1].lines[2].get_xdata()[0] == 1.0


def test_holding_tells_proof_from_patience(results):
    rows = [(name, r["network"]["cell"], r["holding"]) for name, r in results.items()]
    lost = {**rows[0][2]["silent"], "for_ever": False, "lost_at": [0, 7, *[0] * 6], "steps": 500}
    figure = drawn(memory_figures.holding, [*rows, ("leak", "rnn", {"noisy": None, "silent": lost})])
    noisy, silent = figure.axes
    assert len(noisy.lines) == 2
    texts = [t.get_text() for t in silent.texts]
    assert texts[0] == "8 of 8 memories kept, for ever (states return exactly)"
    assert texts[2] == "7 of 8 memories kept"
    assert sorted(silent.collections[2].get_offsets()[:, 0])[:2] == [7, 500]


def test_bits_and_cubes_have_a_title_each(results):
    shape = results["latches"]["activity"]
    row = {"scores": {"sign_accuracy": 0.875}, "activity": shape}
    figure = drawn(memory_figures.bits, {"rows": [{"bits": None, **row}, {"bits": 8, **row}, {"bits": 1, **row}]})
    titles = [ax.get_title().splitlines()[0] for ax in figure.axes]
    assert titles == ["float: 87.50%", "8 bits: 87.50%", "1 bit: 87.50%"]


def test_sizes_ring_the_smallest():
    rows = [{"cell": "jk", "units": n, "parameters": 10 * n, "sign_accuracy": a} for n, a in ((4, 0.99), (8, 0.9995))]
    figure = drawn(memory_figures.sizes, {"accuracy": 0.999, "rows": rows, "smallest": {"jk": rows[1], "rnn": None}})
    curve, ring = figure.axes[1].lines[:2]
    assert list(curve.get_xdata()) == [40, 80]
    assert list(curve.get_ydata()) == pytest.approx([1.0, 0.05])
    assert list(ring.get_xdata()) == [80]


@pytest.mark.long
def test_the_page_shows_every_picture_it_writes(results):
    sizes = {"accuracy": 0.999, "rows": [], "smallest": {"jk": None}}
    content = laboratory_page.files(results, sizes)
    page = content["index.html"]
    pictures = set(re.findall(r"<img src='([^']+)'", page))
    assert pictures == {name for name in content if name.endswith(".svg")}
    assert set(re.findall(r"href='([^']+)'", page)) <= set(content)
    assert {
        "latches/activity.json",
        "flops/flip_flops.svg",
        "cubes.svg",
        "spectra.svg",
        "holding.svg",
        "sizes.json",
    } <= set(content)
    assert "none tried" in page
    # equal data give equal files
    assert laboratory_page.files(results, sizes) == content


def test_one_network_needs_no_comparison(results):
    content = laboratory_page.files({"latches": results["latches"]})
    assert "cubes.svg" not in content
    assert "Side by side" not in content["index.html"]


def test_the_smallest_network_there_is():
    one = Dynamics("one", "rnn", CellWeights(*np.ones((2, 1, 1)), np.zeros(1)), np.ones((1, 1)), np.zeros(1))
    task = FlipFlopTask(channels=1)
    result = analyze(Subject(Path("one.keras"), one, None, task, "flipflop1", {}), EFFORT)
    assert result["activity"]["explained"] == [1.0, 0.0, 0.0]
    assert all(len(p["direction"]) == 3 for p in result["fixed_points"]["points"])
    assert "one/activity.svg" in laboratory_page.files({"one": result})


def test_other_numbers_of_bits():
    """Two memories have no third axis of their own, sixteen have more: both are drawn."""
    for channels in (1, 2, 4):
        task = FlipFlopTask(channels=channels)
        eye = np.eye(max(channels, 3))[:channels]
        n = eye.shape[1]
        system = Dynamics("n", "rnn", CellWeights(eye, 2 * np.eye(n), np.zeros(n)), eye.T, np.zeros(channels))
        data = activity(system, probe(task, 32, seed=1), showcase(task, seed=1))
        figure = drawn(memory_figures.activity, data)
        space = figure.axes[0]
        answers = data["corners"]["answers"]
        assert len(answers) == 2**channels
        assert len([ln for ln in space.lines if len(ln.get_data_3d()[0]) == 2]) == channels * 2 ** (channels - 1)
        assert svg(figure).startswith("<svg")

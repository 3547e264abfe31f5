"""`ffhw analyze` as a user types it."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from commands import fails, ffhw

from ffhw.training.networks.options import RecurrentOptions
from ffhw.training.tasks import TASKS, TaskData
from ffhw.training.train import train


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Two hardly trained memories, with everything `ffhw train` writes beside them."""
    folder = tmp_path_factory.mktemp("analyze")
    task = TASKS["flipflop3"]

    def load(seed):
        x, y = task.generator.generate(32, seed)
        return TaskData(x, y, x[:4], y[:4], np.full(4, x.shape[1]))

    for cell in ("jk", "gru"):
        options = RecurrentOptions(cell, units=5)
        train(dataclasses.replace(task, load=load), folder / f"{cell}.keras", options, epochs=1)
    return folder


@pytest.mark.long
def test_pages_pictures_and_data(models):
    run = ffhw(
        "analyze", "jk.keras", "gru.keras", "--quick", "--bits", "8,1", "--hold-steps", 2000, "-o", "lab", cwd=models
    )
    assert run.returncode == 0, run.stderr
    assert "stable and" in run.stdout
    assert "wrote lab/index.html" in run.stdout
    lab = models / "lab"
    assert json.loads((lab / "analysis.json").read_text())["networks"] == ["jk", "gru"]
    assert len(list((lab / "jk").glob("*.svg"))) == 9
    assert len(list((lab / "gru").glob("*.svg"))) == 7
    assert len(json.loads((lab / "jk/bits.json").read_text())["rows"]) == 3
    page = (lab / "index.html").read_text()
    assert "Side by side" in page
    # the same again replaces it, and gives the same
    before = {p.name: p.read_bytes() for p in (lab / "jk").iterdir()}
    again = ffhw("analyze", "jk.keras", "--quick", "--bits", "8,1", "--hold-steps", 2000, "-o", "lab", cwd=models)
    assert again.returncode == 0, again.stderr
    assert {p.name: p.read_bytes() for p in (lab / "jk").iterdir()} == before
    assert not (lab / "gru").exists()


@pytest.mark.long
def test_sizes(models):
    run = ffhw(
        "analyze", "gru.keras", "--quick", "--task", "flipflop3", "--sizes", "2", "--size-cells", "jk", "--epochs", 1,
        "--accuracy", 0.1, "-o", "sized", cwd=models,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    data = json.loads((models / "sized/sizes.json").read_text())
    assert data["smallest"]["jk"]["units"] == 2
    assert "Smallest networks" in (models / "sized/index.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("none.keras",), "none.keras does not exist"),
        (("jk.keras", "--bits", "8,x"), "--bits takes numbers from 1 to 16 divided by commas, not '8,x'"),
        (("jk.keras", "--bits", "17"), "--bits takes numbers from 1 to 16 divided by commas, not '17'"),
        (("jk.keras", "--hold-steps", 0), "--hold-steps must be at least 1, not 0"),
        (
            ("jk.keras", "--task", "delayed-match"),
            "jk.keras has 3 inputs and 3 outputs, task delayed-match has 2 and 1",
        ),
        (("jk.keras", "jk.keras"), "the models' file names must differ, found jk, jk"),
        (("jk.keras", "--sizes", "2", "--size-cells", "abc"), "--cell must be one of"),
        (("jk.keras", "--sizes", "2", "--accuracy", 1.5), "--accuracy must be above 0 and at most 1, not 1.5"),
    ],
)
def test_bad_input_costs_no_time(models, arguments, message):
    fails(ffhw("analyze", *arguments, "--quick", "-o", "never", cwd=models), 2, message)
    assert not (models / "never").exists()


def test_a_folder_of_other_things_is_left_alone(models):
    (models / "precious").mkdir()
    (models / "precious/thesis.txt").write_text("x")
    fails(ffhw("analyze", "jk.keras", "--quick", "-o", "precious", cwd=models), 6, "is not an analysis")
    assert (models / "precious/thesis.txt").read_text() == "x"

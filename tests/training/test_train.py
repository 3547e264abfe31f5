from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from ffhw.reading.data_file import load_data
from ffhw.reading.keras_model import read_model
from ffhw.training.networks.options import CELLS, RecurrentOptions
from ffhw.training.tasks import TASKS, TaskData
from ffhw.training.train import train


def small(seed):
    """A task that a few units learn in seconds: which of two channels is larger on average."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(300, 8, 2)).astype(np.float32)
    y = (x[..., 0].mean(axis=1) > x[..., 1].mean(axis=1)).astype(np.int64)
    return TaskData(x[:200], y[:200], x[200:], y[200:], np.full(100, 8))


TASK = dataclasses.replace(
    TASKS["japanese-vowels"], load=small, outputs=2, units=8, epochs=12, learning_rate=3e-2, input_noise=0.0
)


@pytest.mark.long
@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_trains(tmp_path, cell):
    options = RecurrentOptions(cell, tau_ms=3.0 if cell == "ctrnn" else None)
    record = train(TASK, tmp_path / "m.keras", options, learning_rate=3e-2)
    # chance is 0.5; one gate that can only toggle learns such a mean slowly
    assert record["test"]["accuracy"] > (0.75 if cell == "toggle" else 0.85)
    assert len(record["history"]["loss"]) == 12


def test_what_it_writes(tmp_path):
    reports = []
    record = train(TASK, tmp_path / "m.keras", epochs=2, progress=lambda *args: reports.append(args))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.data.npz", "m.initial.keras", "m.json", "m.keras"]
    assert json.loads((tmp_path / "m.json").read_text()) == record
    assert len(load_data(tmp_path / "m.data.npz", read_model(tmp_path / "m.keras").signature).x) == 100
    assert [(epoch, total) for epoch, total, _ in reports] == [(1, 2), (2, 2)]


@pytest.mark.long
def test_a_seed_gives_the_same_model(tmp_path):
    one, two = (train(TASK, tmp_path / "m.keras", epochs=2, seed=5)["history"] for _ in range(2))
    assert one == two
    assert train(TASK, tmp_path / "m.keras", epochs=2, seed=6)["history"] != one

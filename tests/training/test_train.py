from __future__ import annotations

import json

import pytest
from small_task import TASK

from ffhw.reading.data_file import load_data
from ffhw.reading.keras_model import read_model
from ffhw.training.networks.options import CELLS, RecurrentOptions
from ffhw.training.train import train


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

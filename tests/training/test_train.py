from __future__ import annotations

import dataclasses
import io
import json
import zipfile

import h5py
import keras
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


def test_the_batch_size_that_was_asked_for_is_the_one_that_trains(tmp_path):
    steps = {}
    for size in (25, 100):
        record = train(TASK, tmp_path / "m.keras", epochs=1, batch_size=size)
        assert record["batch_size"] == size
        with h5py.File(io.BytesIO(zipfile.ZipFile(tmp_path / "m.keras").read("model.weights.h5"))) as weights:
            steps[size] = int(weights["optimizer/vars/0"][()])
    assert steps[25] == 4 * steps[100] > 0


def test_the_record_says_what_the_network_is(tmp_path):
    """Whatever a user leaves to the task."""
    for task, centered in ((TASK, False), (dataclasses.replace(TASK, centered=True), True)):
        record = train(task, tmp_path / "m.keras", epochs=1)
        layer = keras.models.load_model(tmp_path / "m.keras").get_layer("jk")
        assert record["centered"] is layer.get_config()["centered"] is centered


@pytest.mark.long
def test_a_seed_gives_the_same_model(tmp_path):
    one, two = (train(TASK, tmp_path / "m.keras", epochs=2, seed=5)["history"] for _ in range(2))
    assert one == two
    assert train(TASK, tmp_path / "m.keras", epochs=2, seed=6)["history"] != one

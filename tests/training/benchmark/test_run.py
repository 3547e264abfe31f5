"""The hardware benchmark: its networks, where it measures, what it keeps, and one real measurement."""

from __future__ import annotations

import json

import pytest

from ffhw.errors import InputError, ToolError
from ffhw.processes import Finished
from ffhw.report import bench_figures
from ffhw.training.benchmark import run as module
from ffhw.training.benchmark.run import Place, benchmark, check_target, find, places
from ffhw.training.benchmark.subjects import SUBJECTS, Effort, build
from ffhw.training.environment import peak_mib
from ffhw.training.train import count_trainable

CPU = {"devices": {"cpu": ["cpu"]}, "environment": {"cores": 2}}
WITH_GPU = {"devices": {"cpu": ["cpu"], "gpu": ["a card"]}, "environment": {}}
ROW = {"parameters": 1, "first_s": 2.0, "epoch_s": 1.0, "epoch_cpu_s": 1.0, "batch_s": 0.5, "loaded_mib": 10,
       "peak_mib": 12, "device_peak_mib": None}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        # 20 (30 + 10 + 2) + 11 * 10                40 (30 + 10 + 1) + 11 * 10
        ("FFNN", 950), ("LSTM", 1_750),
        # 16 (9 (3 + 8) + 1) + 30 (16 * 16 * 8 + 1)  32 (9 (3 + 8) + 1) + 30 (16 * 16 * 8 + 1)
        ("ConvFFNN", 63_070), ("ConvLSTM", 64_670),
    ],
)  # fmt: skip
def test_the_networks_are_the_papers(name, parameters):
    subject = SUBJECTS[name]
    model = build(subject, 300)
    assert count_trainable(model) == parameters
    assert model.input_shape == (None, 300, *subject.shape)
    assert model.output_shape == (None, 30 if len(subject.shape) == 3 else 10)


def test_each_device_is_measured_by_the_first_runtime_that_finds_it():
    found = {"tensorflow": CPU, "jax": WITH_GPU}
    assert places(found, None) == [Place("cpu", "tensorflow"), Place("gpu", "jax")]
    assert places(found, ["gpu"]) == [Place("gpu", "jax")]
    with pytest.raises(ToolError, match=r"^no TPU was found by tensorflow or jax; leave it out of --devices$"):
        places(found, ["cpu", "tpu"])
    with pytest.raises(InputError, match=r"^--devices takes cpu, gpu, tpu, not 'npu'$"):
        places(found, ["npu"])
    with pytest.raises(InputError, match=r"^--runtime must be tensorflow or jax, not 'torch'$"):
        find(["torch"])


def test_a_benchmark_that_was_ended_goes_on_and_one_that_came_to_its_end_begins_anew(tmp_path, monkeypatch):
    asked = []

    def work(place, wanted, tick=None):
        if len(asked) == 3:
            asked.append("broken")
            raise ToolError("the fourth one is ended")
        asked.append((place.device, wanted["name"], wanted["batch"]))
        return ROW

    monkeypatch.setattr(module, "_work", work)
    effort = Effort(batches=2, time_steps=30, share=8)
    given = (tmp_path, effort, {"tensorflow": CPU}, [Place("cpu", "tensorflow")])
    with pytest.raises(ToolError, match="fourth"):
        benchmark(*given)
    assert asked[:3] == [("cpu", "FFNN", 32), ("cpu", "LSTM", 32), ("cpu", "ConvFFNN", 8)]
    record = benchmark(*given)
    assert [entry[1] for entry in asked[4:]] == ["ConvLSTM"]
    assert [row["network"] for row in record["rows"]] == list(SUBJECTS)
    assert json.loads((tmp_path / "bench.json").read_text()) == record
    benchmark(*given)
    assert [entry[1] for entry in asked[5:]] == list(SUBJECTS)


def test_what_was_measured_otherwise_is_not_kept(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(module, "_work", lambda place, wanted, tick=None: asked.append(wanted["name"]) or ROW)
    place = [Place("cpu", "tensorflow")]
    benchmark(tmp_path, Effort(batches=2), {"tensorflow": CPU}, place)
    path = tmp_path / "bench.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "complete": False}))
    benchmark(tmp_path, Effort(batches=2), {"tensorflow": CPU}, place)
    assert len(asked) == 4  # that was not at its end: nothing is measured twice
    path.write_text(json.dumps({**json.loads(path.read_text()), "complete": False}))
    benchmark(tmp_path, Effort(batches=3), {"tensorflow": CPU}, place)
    path.write_text(json.dumps({**json.loads(path.read_text()), "complete": False}))
    benchmark(tmp_path, Effort(batches=3), {"tensorflow": {**CPU, "environment": {"cores": 8}}}, place)
    assert len(asked) == 12


def test_a_file_of_somebody_else_is_left_alone(tmp_path):
    for content in ("{}", "no JSON", '{"program": "another"}'):
        (tmp_path / "bench.json").write_text(content)
        with pytest.raises(InputError, match=r"bench\.json was not written by ffhw bench: move it away"):
            check_target(tmp_path)


@pytest.mark.long
def test_a_real_measurement_in_a_process_of_its_own(tmp_path, monkeypatch):
    """The smallest size; memory is that of the worker, however much we hold."""
    held = bytearray(b"x" * (1500 << 20))
    assert peak_mib() > 1500
    monkeypatch.setattr(module, "SUBJECTS", {"FFNN": SUBJECTS["FFNN"]})
    effort = Effort(batches=1, time_steps=3, share=64)
    (row,) = benchmark(tmp_path, effort, {"jax": CPU}, [Place("cpu", "jax")])["rows"]
    del held
    assert 0 < row["epoch_s"] < row["first_s"] < 120
    assert 100 < row["loaded_mib"] <= row["peak_mib"] < 1500
    assert row["device_peak_mib"] is None


def test_a_measurement_that_breaks_says_what_and_where(monkeypatch):
    with pytest.raises(InputError, match=r"^--steps must be from 1 to 10,000 batches, not 0$"):
        Effort(batches=0)
    for code, reason in ((-9, "it was killed; is there enough memory?"), (1, "ValueError: no")):
        monkeypatch.setattr(module, "run", lambda *_, code=code, **__: Finished(code, "", "ValueError: no"))
        with pytest.raises(ToolError) as caught:
            module._row(Place("cpu", "jax"), "FFNN", Effort(), lambda: None)
        assert str(caught.value) == f"FFNN on CPU, JAX failed: {reason}"


def test_figures_show_every_row_of_the_record():
    rows = [
        {**ROW, "network": name, "cell": subject.cell, "device": device, "runtime": "jax",
         "device_peak_mib": 7 if device == "gpu" else None}
        for device in ("cpu", "gpu") for name, subject in SUBJECTS.items()
    ]  # fmt: skip
    record = {
        "rows": rows,
        "settings": {"batches": 4, "time_steps": 300},
        "paper": {"seconds_per_epoch": {"jk": 1.36, "lstm": 2.47}},
    }
    time = bench_figures.time(record)
    assert [len(ax.patches) for ax in time.axes] == [4, 4]
    assert [line.get_ydata()[0] for line in time.axes[0].lines] == [1.36, 2.47]
    memory = bench_figures.memory(record)
    heights = [patch.get_height() for patch in memory.axes[1].patches]
    assert heights == [7, 7, 7, 7]

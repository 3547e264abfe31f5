from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from known import flip_flop_latches, latches

from ffhw.errors import InputError
from ffhw.training.analysis import probe as probes
from ffhw.training.analysis.bits import bridge, quantized
from ffhw.training.analysis.dynamics import respond
from ffhw.training.analysis.flipflops import flip_flops
from ffhw.training.analysis.laboratory import QUICK, Effort, analyze
from ffhw.training.analysis.numbers import rounded
from ffhw.training.analysis.robustness import robustness, variations
from ffhw.training.analysis.scores import error_norms, succeeded, task_samples
from ffhw.training.analysis.sizes import smallest_networks
from ffhw.training.analysis.subject import open_subject
from ffhw.training.networks.options import RecurrentOptions
from ffhw.training.tasks import TASKS, TaskData
from ffhw.training.tasks import task as task_of
from ffhw.training.tasks.decisions import ContextDecision, DelayedMatch
from ffhw.training.tasks.flipflop import FlipFlopTask
from ffhw.training.train import train

TASK = FlipFlopTask()
PROBE = probes.Probe(np.zeros((2, 3, 1)), np.array([[[0.0], [1.0], [-1.0]], [[np.nan], [1.0], [1.0]]]))


def test_error_norms():
    outputs = np.array([[[3.0], [1.0], [-1.0]], [[9.0], [2.0], [-1.0]]])
    norms = error_norms(outputs, PROBE)
    assert norms["frobenius"] == pytest.approx((3.0 + np.sqrt(5.0)) / 2)
    assert norms["mse"] == pytest.approx((9 + 1 + 4) / 5)
    assert norms["sign_accuracy"] == pytest.approx(3 / 4)
    assert norms["success_rate"] == 0.5
    assert succeeded(outputs, PROBE).tolist() == [True, False]


def test_an_answer_may_be_late_by_the_grace_and_no_more():
    y = np.array([[0, 0, 1, 1, 1, 1, -1, -1, -1, np.nan, 1, 1.0]])[..., None]
    assert probes.Probe(y, y, grace=0).due[0, :, 0].tolist() == [False] * 2 + [True] * 7 + [False] + [True] * 2
    assert np.flatnonzero(probes.Probe(y, y, grace=2).due[0, :, 0]).tolist() == [4, 5, 8]
    late = np.roll(np.nan_to_num(y), 2, axis=1)
    assert succeeded(late, probes.Probe(y, y, grace=2)).tolist() == [True]
    assert succeeded(late, probes.Probe(y, y, grace=1)).tolist() == [False]
    assert [p.grace for p in (probes.showcase(TASK, 1), probes.probe(DelayedMatch(), 2, 1))] == [10, 1]


def test_latches_do_the_task():
    shown = probes.showcase(TASK, seed=1)
    data = task_samples(latches(), shown, 1.0)
    assert data["success"] == [True]
    assert np.shape(data["inputs"]) == np.shape(data["outputs"]) == (1, 600, 3)
    tested = probes.probe(TASK, 32, seed=2)
    assert error_norms(respond(latches(), tested.x), tested)["success_rate"] == 1.0
    assert error_norms(respond(latches(gain=0.5), tested.x), tested)["success_rate"] == 0.0


def test_robustness_changes_one_thing_at_a_time():
    for name, tasks in variations(TASK).items():
        for value, changed in tasks:
            assert getattr(changed, name) == value
        # noise itself does not shrink with the pulses
        assert name == "noise" or {round(t.noise * t.amplitude, 9) for _, t in tasks} == {0.1}
    assert list(variations(DelayedMatch())) == ["noise"]


def test_robustness_of_latches():
    curves = robustness(latches(), TASK, samples=8, seed=1)["curves"]
    rows = {name: {r["value"]: r["sign_accuracy"] for r in curve["rows"]} for name, curve in curves.items()}
    # h = tanh(2 h + u) keeps both its memories up to u = 0.53: weaker pulses are lost
    assert rows["amplitude"][1.0] == rows["pulse_ms"][20.0] == rows["noise"][0.1] == 1.0
    assert rows["amplitude"][0.8] == 1.0
    assert rows["amplitude"][0.4] < 0.8
    assert rows["noise"][0.8] < 0.9
    assert curves["noise"]["trained"] == 0.1


def test_flip_flops_set_and_reset():
    system = flip_flop_latches()
    data = flip_flops(system, probes.showcase(dataclasses.replace(TASK, noise=0.0), seed=1), 1.0)
    modes = data["modes"]
    assert modes["toggle"] == 0.0
    assert modes["between"] == pytest.approx(0.0)
    # pulses of 20 steps: bit 1 gets 3 sets and 3 resets... counted from the inputs themselves
    pulses = np.array(data["inputs"])
    assert modes["set"] == pytest.approx((pulses > 0.5).mean())
    assert modes["reset"] == pytest.approx((pulses < -0.5).mean())
    assert modes["hold"] == pytest.approx((np.abs(pulses) < 0.5).mean())
    assert len(data["units"]) == 3


def test_numbers_keep_their_digits():
    assert rounded([[1.23456789, np.nan], [2e-9, -3.0]], 4) == [[1.235, None], [2e-09, -3.0]]


def tiny(generator, outputs):
    """A task of a few short sequences: what is learned does not matter here."""

    def load(seed):
        x, y = generator.generate(64, seed)
        return TaskData(x, y, x[:8], y[:8], np.full(8, x.shape[1]))

    return load, outputs


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    for name, cell, recurrent_gates in (
        ("flipflop3", "jk", True),
        ("flipflop3", "sr", False),
        ("flipflop3", "lstm", True),
        ("context-decision", "jk", True),
        ("delayed-match", "rnn", True),
    ):
        task = TASKS[name]
        load, _ = tiny(task.generator, task.outputs)
        train(
            dataclasses.replace(task, load=load),
            folder / f"{name}-{cell}.keras",
            RecurrentOptions(cell, units=6, recurrent_gates=recurrent_gates),
            epochs=1,
        )
    return folder


SHORT = dataclasses.replace(QUICK, samples=8, starts=2, factors=(1,), hold_steps=300, bits=(4, 1))


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "absent"),
    [
        ("flipflop3-jk", set()),
        ("flipflop3-sr", {"connectivity", "flip_flops", "bits"}),
        ("flipflop3-lstm", {"flip_flops", "bits"}),
        ("context-decision-jk", {"holding"}),
        ("delayed-match-rnn", {"holding", "flip_flops", "bits"}),
    ],
)
def test_every_cell_and_task_can_be_analyzed(trained, name, absent):
    every = {
        "network", "samples", "scores", "connectivity", "spectrum", "activity", "fixed_points", "robustness", "holding",
        "flip_flops", "bits",
    }  # fmt: skip
    told = []
    result = analyze(open_subject(trained / f"{name}.keras"), SHORT, step=told.append)
    assert set(result) == every - absent
    assert len(told) >= 5
    # plain JSON, without numbers that are none
    json.loads(json.dumps(result, allow_nan=False))
    assert result["network"]["units"] == 6
    assert "connectivity" in absent or result["connectivity"]["gates"][0]["initial"] is not None
    if "bits" not in absent:
        assert [row["bits"] for row in result["bits"]["rows"]] == [None, 4, 1]
        assert result["bits"]["rows"][0]["scores"] == result["scores"]
        tested = probes.probe(TASKS[result["network"]["task"]].generator, SHORT.samples, seed=1)
        one = respond(quantized(trained / f"{name}.keras", tested, bits=1), tested.x)
        assert result["bits"]["rows"][2]["scores"] == error_norms(one, tested) != result["scores"]


def test_what_the_bridge_is_told_is_what_it_would_find(trained):
    subject = open_subject(trained / "flipflop3-jk.keras")
    tested, shown = probes.probe(TASK, SHORT.samples, seed=1), probes.showcase(TASK, seed=1)
    alone = bridge(subject.system, subject.path, SHORT.bits, TASK, tested, shown, SHORT.hold_steps, seed=1)
    assert analyze(subject, SHORT)["bits"] == alone


def test_contexts_are_searched_apart(trained):
    subject = open_subject(trained / "context-decision-jk.keras")
    assert np.array_equal(subject.generator.rest(), [[0, 0, 1, 0], [0, 0, 0, 1]])
    result = analyze(subject, SHORT)
    assert {p["context"] for p in result["fixed_points"]["points"]} == {0, 1}
    assert ContextDecision().inputs == 4


def test_wide_networks_get_less():
    assert Effort().for_units(400).hold_steps == 100_000
    assert Effort().for_units(32) == Effort()
    assert QUICK.for_units(400).hold_steps == QUICK.hold_steps


@pytest.mark.parametrize(
    ("record", "task", "message"),
    [
        (None, None, r"has no record m.json beside it: name the task with --task"),
        ("{", None, r"m.json is not a training record: name the task with --task"),
        ('{"task": "japanese-vowels"}', None, "task japanese-vowels has no generator"),
        (None, "delayed-match", r"has 3 inputs and 3 outputs, task delayed-match has 2 and 1"),
        (None, "nothing", "TASK must be one of flipflop3"),
    ],
)
def test_what_cannot_be_opened(trained, tmp_path, record, task, message):
    path = tmp_path / "m.keras"
    path.write_bytes((trained / "flipflop3-jk.keras").read_bytes())
    if record:
        path.with_suffix(".json").write_text(record)
    with pytest.raises(InputError, match=message):
        open_subject(path, task)


@pytest.mark.long
def test_smallest_network_stops_at_the_goal():
    def load(seed):
        rng = np.random.default_rng(seed)
        y = rng.choice([-1.0, 1.0], (400, 6, 1)).astype(np.float32)
        return TaskData(y, y, y[:50], y[:50], np.full(50, 6))

    copy = dataclasses.replace(task_of("flipflop1"), load=load, learning_rate=5e-2)
    told = []
    found = smallest_networks(copy, ("gru", "jk"), (4, 2, 8), 0.99, epochs=6, say=told.append)
    for cell in ("gru", "jk"):
        rows = [row for row in found["rows"] if row["cell"] == cell]
        least = found["smallest"][cell]
        assert rows[-1] == least
        assert least["sign_accuracy"] >= 0.99
        assert all(row["sign_accuracy"] < 0.99 for row in rows[:-1])
    assert told[0] == "gru, 2 units"


def test_smallest_network_says_if_none_learned():
    load, _ = tiny(FlipFlopTask(channels=3, steps=60), 3)
    found = smallest_networks(dataclasses.replace(TASKS["flipflop3"], load=load), ("rnn",), (1,), 0.99, epochs=1)
    assert found["smallest"] == {"rnn": None}
    assert len(found["rows"]) == 1

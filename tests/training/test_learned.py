"""Every task is learned: at its own settings, to what its source calls learned."""

from __future__ import annotations

import json

import pytest
from commands import on_backend

from ffhw.model.compare import compare
from ffhw.model.quantize import quantize
from ffhw.numbers.scales import Widths
from ffhw.reading.data_file import load_data
from ffhw.reading.keras_model import read_model
from ffhw.training.analysis.dynamics import read_dynamics
from ffhw.training.analysis.holding import silent_holds
from ffhw.training.analysis.laboratory import QUICK, analyze
from ffhw.training.analysis.subject import open_subject
from ffhw.training.networks.options import RecurrentOptions
from ffhw.training.tasks import TASKS
from ffhw.training.tasks.flipflop import FlipFlopTask
from ffhw.training.train import train

# share of the response steps with the right sign; an ideal observer of the noisy evidence reaches 98.2 and 97.3 %
LEARNED = {
    "perceptual-decision": 0.96,
    "context-decision": 0.95,
    "delayed-match": 0.99,
    "parametric-memory": 0.99,
}


# the longest: first, so that others run beside it; on JAX half as long as on TensorFlow
@pytest.mark.training
@pytest.mark.parametrize("backend", ["jax", pytest.param("tensorflow", marks=pytest.mark.slow)])
def test_flipflop3_is_a_cube_of_memories_and_survives_8_bits(tmp_path, backend):
    on_backend(backend, "-m", "ffhw", "train", "flipflop3", "-o", tmp_path / "m.keras", timeout=1800)
    before, after = scores(tmp_path / "m.keras")
    assert before["sign_accuracy"] >= 0.999
    # nothing visible: at most a thousandth of the signs, and a root mean square of 0.05 on outputs of -1 and +1
    assert before["sign_accuracy"] - after["sign_accuracy"] <= 0.001
    assert after["mse"] - before["mse"] <= 0.05**2
    result = analyze(open_subject(tmp_path / "m.keras"), QUICK)
    corners = result["activity"]["corners"]
    assert result["samples"]["success"] == [True]
    assert corners["purity"] >= 0.99
    assert corners["cube"]["disparity"] < 0.02
    exact, eight, *_, one = result["bits"]["rows"]
    assert exact["bits"] is None
    assert eight["scores"]["sign_accuracy"] >= 0.99
    assert eight["activity"]["corners"]["purity"] >= 0.99
    # at one bit, without training for it, there is no cube left
    assert one["activity"]["corners"]["cube"]["disparity"] > 0.2


# a cell of each kind of step is enough to tell of a change; the others are trained with the long ones. On JAX in half
# of the time that TensorFlow takes, which has one task here and those of the paper below
@pytest.mark.training
@pytest.mark.parametrize(
    ("name", "cell", "backend"),
    [
        *((name, "jk", "tensorflow" if name == "parametric-memory" else "jax") for name in LEARNED),
        ("delayed-match", "gru", "jax"),
        *(pytest.param(name, "gru", "jax", marks=pytest.mark.slow) for name in LEARNED if name != "delayed-match"),
    ],
)
def test_decisions(tmp_path, name, cell, backend):
    on_backend(backend, "-m", "ffhw", "train", name, "--cell", cell, "-o", tmp_path / "m.keras")
    record = json.loads((tmp_path / "m.json").read_text())
    assert record["test"]["sign_accuracy"] >= LEARNED[name]


# task: figure of merit, and how often the baseline's it must reach: at least for an accuracy, at most for an error
BEATEN = {
    "signal": ("mse", 0.5),
    "frames": ("cross_entropy", 0.7),
    "lung": ("volume_error", 0.5),
    "action": ("accuracy", 4.0),
    "text": ("loss", 0.85),
    "sentiment": ("accuracy", 1.4),
    "handwriting": ("nats_per_point", 0.5),
}
FETCHED = ("text", "sentiment", "handwriting")


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.data if name in FETCHED else pytest.mark.training) for name in BEATEN],
)
def test_the_papers_tasks_beat_their_baselines(tmp_path, name):
    record = train(TASKS[name], tmp_path / "m.keras")
    figure, share = BEATEN[name]
    reached, bound = record["test"][figure], share * record["baseline"][figure]
    assert reached >= bound if figure == "accuracy" else reached <= bound


def scores(model, bits=8):
    """Of a trained model, quantized as `ffhw export` does: float and quantized."""
    float_network = read_model(model)
    data = load_data(model.with_suffix(".data.npz"), float_network.signature)
    network = quantize(float_network, data.x, data.lengths, Widths(bits))
    report = compare(float_network, network, data)
    return report["float"], report["quantized"]


@pytest.mark.data
@pytest.mark.parametrize(("name", "least"), [("japanese-vowels", 0.97), ("basic-motions", 0.95), ("pen-digits", 0.985)])
def test_real_sensors(name, least, tmp_path):
    train(TASKS[name], tmp_path / "m.keras")
    before, after = scores(tmp_path / "m.keras")
    assert before["accuracy"] >= least
    assert before["accuracy"] - after["accuracy"] <= 0.005


@pytest.mark.slow
def test_behind_gates_that_close_every_memory_is_kept_for_ever(tmp_path):
    on_backend("jax", "-m", "ffhw", "train", "flipflop3", "--closing-gates", "-o", tmp_path / "m.keras", timeout=1800)
    held = silent_holds(read_dynamics(tmp_path / "m.keras"), FlipFlopTask(), 1_000_000, seed=1)
    assert held["for_ever"]
    assert held["memories_kept"] == 1.0


@pytest.mark.slow
def test_the_tutorials_400_units(tmp_path):
    """Success on the tour, eigenvalues on the circle but for a few outside, eight memories that are stable points."""
    train(TASKS["flipflop3"], tmp_path / "m.keras", RecurrentOptions("rnn", 400))
    result = analyze(open_subject(tmp_path / "m.keras"), QUICK)
    assert result["samples"]["success"] == [True]
    assert result["scores"]["sign_accuracy"] >= 0.995
    before, after = (result["spectrum"]["recurrent"][k] for k in ("initial", "trained"))
    assert before["on_circle"] == 400
    assert after["on_circle"] >= 340
    assert 3 <= after["outside"] <= 40
    corners = result["activity"]["corners"]
    assert corners["purity"] >= 0.99
    assert corners["separation"] > 4
    assert corners["cube"]["disparity"] < 0.02
    assert result["fixed_points"]["counts"]["stable"] == 8

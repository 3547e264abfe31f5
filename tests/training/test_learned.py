"""Every task is learned: at its own settings, to what its source calls learned."""

from __future__ import annotations

import pytest

from ffhw.training.analysis.laboratory import QUICK, analyze
from ffhw.training.analysis.subject import open_subject
from ffhw.training.models import RecurrentOptions
from ffhw.training.tasks import TASKS
from ffhw.training.train import train

# share of the response steps with the right sign; an ideal observer of the noisy evidence reaches 98.2 and 97.3 %
LEARNED = {
    "perceptual-decision": 0.96,
    "context-decision": 0.95,
    "delayed-match": 0.99,
    "parametric-memory": 0.99,
}


@pytest.mark.training
@pytest.mark.parametrize("cell", ["jk", "gru"])
@pytest.mark.parametrize("name", LEARNED)
def test_decisions(tmp_path, name, cell):
    record = train(TASKS[name], tmp_path / "m.keras", RecurrentOptions(cell))
    assert record["test"]["sign_accuracy"] >= LEARNED[name]


@pytest.mark.training
def test_flipflop3_is_a_cube_of_stable_points_and_survives_8_bits(tmp_path):
    record = train(TASKS["flipflop3"], tmp_path / "m.keras")
    assert record["test"]["sign_accuracy"] >= 0.999
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

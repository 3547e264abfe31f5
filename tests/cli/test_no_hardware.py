"""Networks over maps on the command line: their golden model and their graph, and what says that there is no more."""

from __future__ import annotations

import io
import json

import keras
import numpy as np
import onnxruntime
import pytest
from bundles import bundle_of
from commands import fails, ffhw
from networks import random_network

from ffhw.arrays import parse_arrays
from ffhw.bundle import Bundle, write_bundle
from ffhw.errors import DigestError, InputError
from ffhw.export import _vectors
from ffhw.model import golden
from ffhw.model.data import Data
from ffhw.training.layers.conv_jk import ConvJK2D

REFUSED = "was exported with --no-hardware: ffhw run and ffhw report take it"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A model, data for it and its bundle."""
    folder = tmp_path_factory.mktemp("maps")
    layers = keras.layers
    keras.utils.set_random_seed(1)
    model = keras.Sequential([
        keras.Input((None, 6, 5, 1)),
        ConvJK2D(2, 3, padding="same", return_sequences=True, name="maps"),
        layers.BatchNormalization(),
        layers.Conv3D(1, 3, padding="same", activation="sigmoid"),
    ])  # fmt: skip
    model.save(folder / "maps.keras")
    x = np.random.default_rng(0).random((4, 7, 6, 5, 1))
    np.savez(folder / "maps.data.npz", x=x, y=(x > 0.5).astype(float))
    run = ffhw("export", folder / "maps.keras", "--no-hardware", "-o", folder / "build")
    assert run.returncode == 0, run.stderr
    return folder, run.stdout


def test_export_asks_for_the_option(files, tmp_path):
    run = ffhw("export", files[0] / "maps.keras", "-o", tmp_path / "build")
    fails(run, 2, "is of kind conv_jk, for which there is no hardware; --no-hardware writes its golden model")
    assert not (tmp_path / "build").exists()


def test_the_bundle_holds_the_golden_model_and_its_graph(files):
    folder, told = files
    assert f"next: ffhw run {folder / 'build'}" in told
    assert "lanes" not in told
    names = {str(path.relative_to(folder / "build")) for path in (folder / "build").rglob("*") if path.is_file()}
    assert names == {"manifest.json", "network.npz", "network.json", "design.json", "model.onnx", "vectors.npz",
                     "accuracy.json"}  # fmt: skip
    bundle = Bundle.open(folder / "build")
    vectors = bundle.vectors()
    assert vectors["y"].shape == (4, 7, 30)
    outputs = golden.run(bundle.network(), vectors["codes"], vectors["lengths"]).outputs
    session = onnxruntime.InferenceSession(bundle.files["model.onnx"])
    given = {"codes": vectors["codes"].astype(np.int32), "lengths": vectors["lengths"].astype(np.int32)}
    assert np.array_equal(session.run(["outputs"], given)[0], outputs)
    assert bundle.accuracy()["sequences"] == 4


def test_every_runtime_that_can_answers_alike(files):
    folder, _ = files
    run = ffhw("run", folder / "build", "-i", folder / "maps.data.npz", "--backend", "all")
    assert run.returncode == 0, run.stderr
    for name in ("onnx", "tensorflow", "jax"):
        assert f"{name} equals the golden model in all 840 codes" in run.stdout
    assert "native: not run, layer 'maps' is of kind conv_jk, for which there is no C code" in run.stdout
    assert "rtl: not run, the bundle holds no hardware" in run.stdout


def test_a_report_has_no_section_of_hardware(files):
    folder, _ = files
    assert ffhw("report", folder / "build").returncode == 0
    page = (folder / "build" / "results" / "report.html").read_text()
    assert "<h2>Accuracy</h2>" in page
    assert "<h2>Synthesis</h2>" not in page


@pytest.mark.parametrize(
    "command", [["sim"], ["sim", "--all"], ["synth", "--board", "icebreaker"], ["run", "--backend", "rtl", "-i", "x"]]
)
def test_what_needs_hardware_says_so(files, command):
    folder, _ = files
    name, *options = command
    options = [folder / "maps.data.npz" if option == "x" else option for option in options]
    fails(ffhw(name, folder / "build", *options), 2, REFUSED)


def test_there_is_nothing_to_explore(files, tmp_path):
    model = files[0] / "maps.keras"
    run = ffhw("explore", model, "--board", "icebreaker", "-o", tmp_path / "found")
    fails(run, 2, "is of kind conv_jk, for which there is no hardware")


@pytest.mark.parametrize(
    "options", [["--board", "icebreaker"], ["--lanes", "2"], ["--keep-state"], ["--style", "gates"], ["--csr"]]
)
def test_options_of_hardware_are_refused(files, options, tmp_path):
    run = ffhw("export", files[0] / "maps.keras", "--no-hardware", *options, "-o", tmp_path / "build")
    fails(run, 2, f"--no-hardware: there is none that {options[0]} could change")


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("design.json", {"keep_state": True}),
        ("design.json", {"foldings": [None, None]}),
        ("performance.json", {"cycles_per_step": 1}),
        ("ffhw_top.core", {}),
    ],
)
def test_a_bundle_that_contradicts_itself_is_refused(files, name, change, tmp_path):
    bundle = Bundle.open(files[0] / "build")
    changed = {**bundle.json(name), **change}
    write_bundle(tmp_path / "build", {**bundle.files, name: json.dumps(changed)})
    with pytest.raises(DigestError, match="contradicts itself"):
        Bundle.open(tmp_path / "build")


def test_a_design_with_hardware_cannot_deny_it(tmp_path):
    bundle = bundle_of(tmp_path, random_network(1))
    design = {**bundle.json("design.json"), "foldings": None}
    write_bundle(tmp_path / "other", {**bundle.files, "design.json": json.dumps(design)})
    with pytest.raises(DigestError, match=r"design\.json says that there is no hardware"):
        Bundle.open(tmp_path / "other")


def test_test_vectors_are_no_more_than_a_reader_takes(files, monkeypatch):
    """Three sequences of seven steps of thirty numbers, then none at all."""
    network = Bundle.open(files[0] / "build").network()
    data = Data(np.zeros((4, 7, 30)), np.full(4, 7))
    monkeypatch.setattr("ffhw.export.MOST_ELEMENTS", 3 * 7 * 30)
    assert parse_arrays(io.BytesIO(_vectors(network, data)), "vectors.npz")["codes"].shape == (3, 7, 30)
    monkeypatch.setattr("ffhw.export.MOST_ELEMENTS", 7 * 30 - 1)
    with pytest.raises(InputError, match="sequences of 7 steps are too long for a bundle of maps this large"):
        _vectors(network, data)

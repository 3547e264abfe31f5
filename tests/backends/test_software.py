"""What `ffhw export --software` writes, loaded as its users load it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from commands import ffhw
from networks import random_chain
from runtimes import CHAINS, assert_equal

from ffhw.backends import lite, tensorflow_runtime
from ffhw.backends.lite import Lite, to_lite
from ffhw.backends.run import BACKENDS, missing, open_backend
from ffhw.backends.software import SavedModel, save_tensorflow, write_software
from ffhw.backends.tensorflow_runtime import tf
from ffhw.bundle import Bundle
from ffhw.errors import InputError, MismatchError, ToolError
from ffhw.model.floatnet import predict
from ffhw.reading.model_file import read_model


@pytest.mark.parametrize("number", range(0, len(CHAINS), 2))
def test_lite_equals_the_golden_model(number, rng):
    assert_equal(Lite(random_chain(number, CHAINS[number], bits=(8, 4, 5)[number % 3])), rng)


def test_lite_refuses_what_floats_do_not_hold():
    with pytest.raises(InputError, match="need 64 bits"):
        to_lite(random_chain(1, "jd", bits=16))
    with pytest.raises(InputError, match=r"sums of products reach .* floats are exact below 16777216: use fewer bits"):
        to_lite(random_chain(1, "jd", bits=13))


def test_saved_model_equals_the_golden_model(tmp_path, rng):
    network = random_chain(2, "vmbd", bits=6)
    save_tensorflow(network, tmp_path / "saved")
    assert_equal(SavedModel(network, tmp_path / "saved"), rng)


@pytest.fixture(scope="module")
def built(keras_models, tmp_path_factory):
    """A bundle with its software, and input sequences."""
    folder = tmp_path_factory.mktemp("software")
    run = ffhw("export", keras_models / "tracker.keras", "-o", folder / "build", "--software")
    assert run.returncode == 0, run.stderr
    assert "results/software/model.tflite: TensorFlow Lite, exact" in run.stdout
    np.save(folder / "x.npy", np.random.default_rng(1).normal(size=(3, 9, 3)))
    return folder


@pytest.fixture
def trained(keras_models):
    return read_model(keras_models / "tracker.keras")


@pytest.mark.long
def test_software_is_written_into_the_bundle(built):
    folder = built / "build" / "results" / "software"
    assert {path.name for path in folder.iterdir()} == {
        "network.c",
        "float.onnx",
        "saved_model",
        "model.tflite",
        "software.json",
    }
    assert "not written" not in (folder / "software.json").read_text()


def test_the_trained_network_is_there_in_floats(built, trained):
    again = built / "build/results/software/float.onnx"
    x = np.load(built / "x.npy")
    np.testing.assert_allclose(predict(read_model(again), x), predict(trained, x), atol=2e-6)


@pytest.mark.long
def test_all_backends_are_compared(built):
    run = ffhw("run", built / "build", "-i", built / "x.npy", "--backend", "all", "-o", built / "answers.npz")
    assert run.returncode == 0, run.stderr
    assert BACKENDS[-1] == "board"
    assert "board: not run, no --port is given" in run.stdout
    for name in BACKENDS[1:-1]:
        assert f"{name} equals the golden model in all 81 codes" in run.stdout
    assert np.load(built / "answers.npz")["codes"].shape == (3, 9, 3)


def test_a_missing_compiler_is_told(built, monkeypatch):
    monkeypatch.setenv("PATH", "")
    remedy = "a C compiler is missing: apt-get install gcc"
    assert missing(Bundle.open(built / "build"), "native") == remedy
    with pytest.raises(ToolError, match=remedy):
        open_backend("native", random_chain(1, "j"))


def test_what_cannot_be_exact_is_said_and_takes_the_old_file_along(built, trained, monkeypatch):
    def refuse(network):
        raise InputError("use fewer bits")

    monkeypatch.setattr(lite, "to_lite", refuse)
    told = write_software(Bundle.open(built / "build"), trained)
    assert told["model.tflite"] == "not written: use fewer bits"
    folder = built / "build" / "results" / "software"
    assert json.loads((folder / "software.json").read_text()) == told
    assert not (folder / "model.tflite").exists()


def test_a_file_that_differs_is_not_written(built, trained, monkeypatch):
    # a table that is off by one code
    monkeypatch.setitem(tensorflow_runtime.RULES, "Gather", lambda table, index, axis=0: tf.gather(table, index + 1))
    with pytest.raises(MismatchError, match="saved_model differs from the golden model in"):
        write_software(Bundle.open(built / "build"), trained)

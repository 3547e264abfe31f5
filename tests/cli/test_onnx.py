"""From an ONNX file of PyTorch's to hardware, as its users would."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from commands import fails, ffhw

sys.path.insert(0, str(Path(__file__).parent.parent / "reading" / "onnx"))
from graphs import Exported, torch_model

from ffhw.backends.onnx_runtime import onnxruntime

RECORDED = Path(__file__).parent.parent / "reading" / "onnx" / "pytorch"


@pytest.mark.simulation
def test_a_pytorch_lstm_becomes_hardware(tmp_path):
    model = tmp_path / "model.onnx"
    model.write_bytes(torch_model("LSTM").SerializeToString())
    x = np.random.default_rng(1).normal(size=(20, 12, 3)).astype(np.float32)
    answers = onnxruntime.InferenceSession(model).run(None, {"input": x})[0]
    np.savez(tmp_path / "data.npz", x=x, y=answers)
    run = ffhw("export", model, "--data", tmp_path / "data.npz", "--bits", 10, "-o", tmp_path / "build")
    assert run.returncode == 0, run.stderr
    run = ffhw("run", tmp_path / "build", "-i", tmp_path / "data.npz", "--backend", "rtl", "-o", tmp_path / "out.npz")
    assert run.returncode == 0, run.stderr
    assert "rtl equals the golden model" in run.stdout
    error = np.abs(np.load(tmp_path / "out.npz")["values"] - answers)
    assert error.mean() < 0.02


@pytest.mark.simulation
@pytest.mark.long
@pytest.mark.parametrize("name", ["new_lstm_pair_of_two", "new_gru_classifier", "gru_halves", "rnn_softmax_behind"])
def test_a_file_of_pytorchs_exporters_becomes_hardware(name, tmp_path):
    """The file's integers in RTL, against what PyTorch answered when it was recorded."""
    with np.load(RECORDED / "answers.npz") as file:
        x, expected = file["x"], file[name]
    np.save(tmp_path / "x.npy", x)
    run = ffhw("export", RECORDED / f"{name}.onnx", "--data", tmp_path / "x.npy", "--bits", 8, "-o", tmp_path / "build")
    assert run.returncode == 0, run.stderr
    logarithms = name.endswith("classifier")
    assert ("note: log_softmax at the output is taken as softmax" in run.stdout + run.stderr) == logarithms
    run = ffhw("run", tmp_path / "build", "-i", tmp_path / "x.npy", "--backend", "rtl", "-o", tmp_path / "out.npz")
    assert run.returncode == 0, run.stderr
    assert "rtl equals the golden model" in run.stdout
    error = np.abs(np.load(tmp_path / "out.npz")["values"] - (np.exp(expected) if logarithms else expected))
    assert error.max() < 0.04


def test_an_unknown_operator_is_named(tmp_path):
    e = Exported(1)
    model = e.model(["b", "t", 3], ["b", "t", 3], e.node("Erf", ["input"]))
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    fails(ffhw("export", tmp_path / "model.onnx", "-o", tmp_path / "build"), 2, "operator Erf '/erf_1' has no hardware")
    (tmp_path / "model.onnx").write_bytes(b"nothing")
    fails(ffhw("export", tmp_path / "model.onnx", "-o", tmp_path / "build"), 2, "is not an ONNX file")

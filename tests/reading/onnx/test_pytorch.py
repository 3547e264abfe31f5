"""Files that PyTorch's own exporters wrote, against what PyTorch answers; ``pytorch/record.py`` recorded both."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ffhw.errors import InputError
from ffhw.model.floatnet import predict
from ffhw.model.golden import run
from ffhw.model.quantize import quantize
from ffhw.numbers.scales import Widths
from ffhw.reading.onnx.model import read_onnx

RECORDED = Path(__file__).parent / "pytorch"
with np.load(RECORDED / "answers.npz") as file:
    ANSWERS = dict(file)
X = ANSWERS.pop("x")
FROM_ZERO = "leave it out, sequences start from zero; export --keep-state is for states that go on or are loaded$"
REFUSED = {
    "new_rnn": r"operator Slice 'node_Slice_\d+' takes step 0 alone: only the last one, .* with dynamo=False$",
    "relu_rnn": r"operator RNN '/r/RNN' has activations relu, which have no hardware; use \['tanh'\]$",
    "learned_state": rf"operator ConstantOfShape .* other numbers than zeros; if they are a first state: {FROM_ZERO}",
    "constant_state": rf"operator GRU '/r/GRU' starts from a state that is given: {FROM_ZERO}",
    "new_constant_state": rf"operator GRU '.*' starts from a state that is given: {FROM_ZERO}",
    "cell_state": r"takes an LSTM's cell state c, which has no hardware: take its output, or h_n$",
    "first_layer": r"takes the final state of a layer whose steps are taken elsewhere$",
    "all_layers": r"joins two flows: only both directions of a bidirectional layer, forward first, can be$",
    "last_of_both": r"take their final states side by side, torch.cat\(\[h_n\[-2\], h_n\[-1\]\], 1\)$",
    "states_out": r"and outputs \[.*\]: hardware has one of each, no states; return one tensor, .* inside the model$",
    "state_in": r"has inputs \['input', 'h0'\] and outputs \[.*\]: hardware has one of each, no states",
}


def test_every_recorded_file_is_read_or_refused_here():
    files = {path.stem for path in RECORDED.glob("*.onnx")}
    assert files == {*ANSWERS, *(f"refused_{name}" for name in REFUSED)}


@pytest.mark.parametrize("name", ANSWERS)
def test_the_network_answers_as_pytorch_does(name):
    network = read_onnx(RECORDED / f"{name}.onnx")
    expected, got = ANSWERS[name], predict(network, X)
    # what ends in log_softmax is read as a softmax, and says so
    logarithms = name.endswith(("log_softmax", "classifier"))
    assert bool(network.notes) == logarithms
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, np.exp(expected) if logarithms else expected, atol=5e-6)


@pytest.mark.parametrize("name", ANSWERS)
def test_eight_bits_are_near(name):
    trained = read_onnx(RECORDED / f"{name}.onnx")
    network = quantize(trained, X, widths=Widths(8))
    error = np.abs(network.decode(run(network, network.encode(X)).outputs) - predict(trained, X))
    assert error.mean() < 0.01
    assert error.max() < 0.04


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_hardware_is_refused_by_name(name):
    with pytest.raises(InputError, match=REFUSED[name]) as caught:
        read_onnx(RECORDED / f"refused_{name}.onnx")
    assert "\n" not in str(caught.value)


@pytest.mark.torch
def test_the_exporters_write_what_was_recorded(pytorch, tmp_path):
    names = ["lstm_every", "gru_last_two", "rnn_pair", "gru_classifier", "new_lstm_pair_of_two", "new_gru_step"]
    command = [sys.executable, RECORDED / "record.py", tmp_path, *names]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    with np.load(tmp_path / "answers.npz") as file:
        assert set(file) == {"x", *names}
        for name in names:
            np.testing.assert_allclose(file[name], ANSWERS[name], atol=1e-6)
            again, recorded = (read_onnx(folder / f"{name}.onnx") for folder in (tmp_path, RECORDED))
            np.testing.assert_allclose(predict(again, X), predict(recorded, X), atol=1e-6)

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
with np.load(RECORDED / "started.npz") as file:
    STARTED = dict(file)  # answers from first states h0 and c0 that are not zero
FIRST = {name: STARTED.pop(name) for name in ("h0", "c0")}  # [layers, batch, units]
FROM_ZERO = "sequences start from zero; make it an input of the model, which export --keep-state can load$"
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
    "cell_state_of_two": r"operator Concat .* takes an LSTM's cell state c, which has no hardware: take its output",
    "state_of_both": r"operator GRU .* from a state that is given and reads both ways, which has no hardware$",
    "two_outputs": r"its outputs are \S+, \S+: hardware has one, and final states; return one tensor$",
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
    assert any("log_softmax" in note for note in network.notes) == logarithms
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, np.exp(expected) if logarithms else expected, atol=5e-6)


@pytest.mark.parametrize("name", ANSWERS)
def test_eight_bits_are_near(name):
    trained = read_onnx(RECORDED / f"{name}.onnx")
    network = quantize(trained, X, widths=Widths(8))
    error = np.abs(network.decode(run(network, network.encode(X)).outputs) - predict(trained, X))
    assert error.mean() < 0.01
    assert error.max() < 0.04


def test_states_that_are_inputs_and_outputs_are_noted():
    for name in ANSWERS:
        notes = " ".join(read_onnx(RECORDED / f"{name}.onnx").notes)
        assert ("with --keep-state loaded, else zeros" in notes) == (name in STARTED)
        assert ("are final states, given with --keep-state only" in notes) == (
            "states" in name or name == "rnn_state_out"
        )


@pytest.mark.parametrize("name", STARTED)
def test_states_that_are_inputs_are_those_that_hardware_loads(name):
    network = quantize(read_onnx(RECORDED / f"{name}.onnx"), X, widths=Widths(12, cell_bits=14))
    parts = [FIRST[part] for part in ("h0", "c0")]
    states = {}
    for number, layer in enumerate(network.stateful_layers):
        codes = [fmt.quantize(part[number]) for fmt, part in zip(layer.state_formats, parts, strict=False)]
        states[layer.name] = np.stack(codes, axis=-1).reshape(len(X), -1)  # h, c of each unit
    assert states
    codes = run(network, network.encode(X), states=states)
    np.testing.assert_allclose(network.decode(codes.outputs), STARTED[name], atol=0.005)
    assert np.abs(STARTED[name] - ANSWERS[name]).max() > 0.02


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_hardware_is_refused_by_name(name):
    with pytest.raises(InputError, match=REFUSED[name]) as caught:
        read_onnx(RECORDED / f"refused_{name}.onnx")
    assert "\n" not in str(caught.value)


@pytest.mark.torch
def test_the_exporters_write_what_was_recorded(pytorch, tmp_path):
    names = ["lstm_every", "gru_last_two", "rnn_pair", "gru_classifier", "new_lstm_pair_of_two", "new_gru_step"]
    names += ["lstm_states_of_two", "new_gru_states"]
    command = [sys.executable, RECORDED / "record.py", tmp_path, *names]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    with np.load(tmp_path / "answers.npz") as file:
        assert set(file) == {"x", *names}
        for name in names:
            np.testing.assert_allclose(file[name], ANSWERS[name], atol=1e-6)
            again, recorded = (read_onnx(folder / f"{name}.onnx") for folder in (tmp_path, RECORDED))
            np.testing.assert_allclose(predict(again, X), predict(recorded, X), atol=1e-6)

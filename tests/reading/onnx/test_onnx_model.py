"""Float ONNX graphs against what ONNX Runtime makes of the same files."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import onnx.inliner
import pytest
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(Path(__file__).parent))
from graphs import Exported, keras_model, torch_model

from ffhw.backends.onnx_runtime import onnxruntime
from ffhw.errors import InputError
from ffhw.model.floatnet import predict
from ffhw.reading.onnx.model import read_onnx

KINDS = {"LSTM": "lstm", "GRU": "gru", "RNN": "simple_rnn"}


def answers(model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: x})[0]


def read(model: onnx.ModelProto, folder: Path):
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return read_onnx(path)


def assert_read(model: onnx.ModelProto, folder: Path, kinds: list[str], time_first: bool = False) -> None:
    """The network has layers of these kinds and answers as ONNX Runtime does."""
    network = read(model, folder)
    assert [layer.kind for layer in network.layers] == kinds
    x = np.random.default_rng(1).normal(size=(4, 7, 3)).astype(np.float32)
    expected = answers(model, x.transpose(1, 0, 2) if time_first else x)
    if time_first and expected.ndim == 3:
        expected = expected.transpose(1, 0, 2)
    got = predict(network, x)
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, atol=5e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("last", ["", "step", "state"])
@pytest.mark.parametrize("batch_first", [True, False])
def test_pytorch(kind, last, batch_first, tmp_path):
    model = torch_model(kind, last=last, batch_first=batch_first, layers=1 if last == "state" else 2)
    kinds = [KINDS[kind]] * (1 + (last != "state")) + ["dense"]
    assert_read(model, tmp_path, kinds, time_first=not batch_first)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("last", "layers"), [("", 2), ("state", 1)])
def test_pytorch_in_both_directions(kind, last, layers, tmp_path):
    model = torch_model(kind, last=last, both=True, layers=layers)
    assert_read(model, tmp_path, [*["bidirectional"] * layers, "dense"])


@pytest.mark.parametrize("merge", ["", "concat", "Add", "Mul"])
@pytest.mark.parametrize(("kind", "last"), [("LSTM", False), ("GRU", True), ("RNN", True)])
def test_keras(kind, merge, last, tmp_path):
    alone = {"LSTM": "lstm", "GRU": "gru_reset_before", "RNN": "simple_rnn"}
    assert_read(
        keras_model(kind, merge=merge, last=last), tmp_path, ["bidirectional" if merge else alone[kind], "dense"]
    )


@pytest.mark.parametrize(("last", "turned"), [("", ["reversal"]), ("state", [])])
def test_backwards(last, turned, tmp_path):
    model = torch_model("LSTM", direction="reverse", last=last)
    assert_read(model, tmp_path, ["reversal", "lstm", *turned, "dense"])


@pytest.mark.parametrize("both", [False, True])
def test_batch_first_layout(both, tmp_path):
    """The operator's own attribute; ONNX Runtime refuses it, so that the same weights the other way are the answer."""
    e, f = Exported(3), Exported(3)
    y, _ = e.recurrent("LSTM", "input", 3, 5, both, state=False, layout=1)
    wide = 5 * (1 + both)
    first = e.model(["b", "t", 3], ["b", "t", wide], e.node("Reshape", [y, e.constant(0, 0, -1)]))
    y, _ = f.recurrent("LSTM", f.node("Transpose", ["input"], perm=[1, 0, 2]), 3, 5, both, state=False)
    joined = f.node("Reshape", [f.node("Transpose", [y], perm=[2, 0, 1, 3]), f.constant(0, 0, -1)])
    for tensor, other in zip(f.weights, e.weights, strict=True):
        tensor.raw_data = other.raw_data
    usual = f.model(["b", "t", 3], ["b", "t", wide], joined)
    x = np.random.default_rng(1).normal(size=(2, 6, 3)).astype(np.float32)
    np.testing.assert_allclose(predict(read(first, tmp_path), x), answers(usual, x), atol=5e-6)
    assert_read(usual, tmp_path, ["bidirectional" if both else "lstm"])


def test_embedding_convolution_pooling_and_scales(tmp_path):
    e = Exported(4)
    x = e.node("Gather", [e.weight(9, 3), "input"], axis=0)
    x = e.node(
        "Conv",
        [e.node("Transpose", [x], perm=[0, 2, 1]), e.weight(4, 3, 2), e.weight(4)],
        kernel_shape=[2],
        strides=[2],
    )
    x = e.node("Transpose", [e.node("Relu", [x])], perm=[0, 2, 1])
    x = e.node("Div", [e.node("Sub", [x, e.weight(4)]), e.weight(4)])
    x = e.node("MatMul", [x, e.weight(4, 2)])
    x = e.node("Sigmoid", [x])
    model = e.model(["b", "t"], ["b", 2], e.node("ReduceMean", [x], axes=[1], keepdims=0), TensorProto.INT64)
    network = read(model, tmp_path)
    assert [layer.kind for layer in network.layers] == ["embedding", "convolution", "dense", "pooling"]
    tokens = np.random.default_rng(1).integers(0, 9, (3, 8))
    np.testing.assert_allclose(predict(network, tokens[..., None]), answers(model, tokens), atol=5e-6)


def test_a_dense_layer_over_steps_laid_out_flat(tmp_path):
    e = Exported(5)
    batch = e.node("Gather", [e.node("Shape", ["input"]), e.constant(0)], axis=0)
    time = e.node("Gather", [e.node("Shape", ["input"]), e.constant(1)], axis=0)
    x = e.node("MatMul", [e.node("Reshape", ["input", e.constant(-1, 3)]), e.weight(3, 2)])
    x = e.node("Reshape", [x, e.node("Concat", [batch, time, e.constant(2)], axis=0)])
    assert_read(e.model(["b", "t", 3], ["b", "t", 2], x), tmp_path, ["dense"])


# --- what is refused -------------------------------------------------------------------------------------------------


def altered(model: onnx.ModelProto, kind: str, **attributes) -> onnx.ModelProto:
    """The model with attributes set in its first operator of a kind."""
    node = next(node for node in model.graph.node if node.op_type == kind)
    for name, value in attributes.items():
        kept = [attribute for attribute in node.attribute if attribute.name != name]
        del node.attribute[:]
        node.attribute.extend([*kept, helper.make_attribute(name, value)])
    return model


def product(e: Exported) -> str:
    return e.node("MatMul", ["input", e.weight(3, 3)])


SEQUENCES = ["b", "t", 3]
REFUSED = {
    "an unknown operator": (
        lambda e: e.model(SEQUENCES, SEQUENCES, e.node("Erf", ["input"])),
        r"operator Erf '/erf_1' has no hardware; supported are Add, BatchNormalization, Cast, Concat",
    ),
    "an activation of nothing": (
        lambda e: e.model(SEQUENCES, SEQUENCES, e.node("Relu", ["input"])),
        r"relu is supported after a linear Dense layer only",
    ),
    "a skip connection": (
        lambda e: e.model(SEQUENCES, SEQUENCES, e.node("Add", ["input", product(e)])),
        r"joins two flows",
    ),
    "two branches": (
        lambda e: e.model(SEQUENCES, ["b", "t", 6], e.node("Concat", [product(e), product(e)], axis=2)),
        r"takes what another layer has taken already: only a plain chain becomes hardware",
    ),
    "no time": (
        lambda e: e.model(["b"], ["b"], e.node("Relu", ["input"])),
        r"takes inputs of shape \['b'\]: hardware",
    ),
    "a mean over elements": (
        lambda e: e.model(SEQUENCES, ["b", "t"], e.node("ReduceMean", ["input"], axes=[2], keepdims=0)),
        r"must go over the axis of time alone",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_has_no_hardware_is_refused_by_name(case, tmp_path):
    build, message = REFUSED[case]
    with pytest.raises(InputError, match=message):
        read(build(Exported(1)), tmp_path)


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"clip": 3.0}, "operator LSTM '/lstm_14' has clip, which has no hardware"),
        ({"activations": ["Sigmoid", "Relu", "Tanh"]}, "has activations sigmoid, relu, tanh, which have no hardware"),
        ({"input_forget": 1}, "has input_forget=1, which has no hardware; use 0"),
        ({"direction": "sideways"}, "has direction=sideways"),
        ({"hidden_size": 4}, r"has W of shape \[1, 20, 3\], its sizes ask for \[1, 16, 3\]"),
    ],
)
def test_options_of_an_lstm_are_refused_by_name(attributes, message, tmp_path):
    with pytest.raises(InputError, match=message):
        read(altered(torch_model("LSTM"), "LSTM", **attributes), tmp_path)


def test_the_last_step_of_both_directions_is_refused(tmp_path):
    """The backward direction has seen one step there: h_n is what is meant."""
    with pytest.raises(InputError, match="takes the last step of both directions, of which the backward one"):
        read(torch_model("LSTM", both=True, last="step"), tmp_path)


def test_states_that_are_given_are_refused(tmp_path):
    model = torch_model("GRU")
    node = next(node for node in model.graph.node if node.op_type == "GRU")
    model.graph.initializer.append(numpy_helper.from_array(np.ones((1, 1, 5), np.float32), "h0"))
    node.input[5] = "h0"
    with pytest.raises(InputError, match=r"operator GRU .* starts from a state that is given: sequences start from"):
        read(model, tmp_path)
    model.graph.initializer.pop()
    model.graph.input.append(helper.make_tensor_value_info("h0", TensorProto.FLOAT, [1, "b", 5]))
    (note,) = read(model, tmp_path).notes
    assert note.endswith("starts from h0: with --keep-state loaded, else zeros")


def test_files_that_are_none(tmp_path):
    path = tmp_path / "model.onnx"
    with pytest.raises(InputError, match="does not exist"):
        read_onnx(path)
    with pytest.raises(InputError, match="is a folder"):
        read_onnx(tmp_path)
    for content in (b"", b"\xff" * 100, b"PK\x03\x04"):
        path.write_bytes(content)
        with pytest.raises(InputError, match="is not an ONNX file"):
            read_onnx(path)
    model = torch_model("RNN")
    model.opset_import[0].version = 7
    with pytest.raises(InputError, match="uses opset 7: export it with opset 17"):
        read(model, tmp_path)


def test_tensors_are_read_within_limits(tmp_path):
    def infinite(tensor: TensorProto) -> None:
        tensor.raw_data = np.full(len(tensor.raw_data) // 4, np.inf, "<f4").tobytes()

    for change, message in (
        (lambda tensor: tensor.ClearField("raw_data"), "is damaged"),
        (lambda tensor: tensor.dims.extend([1 << 40]), "at most 16,777,216 numbers are read"),
        (infinite, "not finite"),
        (lambda tensor: setattr(tensor, "data_location", TensorProto.EXTERNAL), "lies in another file"),
    ):
        model = torch_model("RNN")
        change(model.graph.initializer[0])
        with pytest.raises(InputError, match=message):
            read(model, tmp_path)


def test_directions_the_other_way_round_are_refused(tmp_path):
    model = keras_model("LSTM", merge="concat")
    joined = next(node for node in model.graph.node if node.op_type == "Concat")
    joined.input[:] = joined.input[::-1]
    with pytest.raises(InputError, match="only both directions of a bidirectional layer, forward first, can be"):
        read(model, tmp_path)


def test_damaged_files_end_in_one_line(tmp_path):
    """Bytes overwritten at random: read as they say, or refused, never anything else."""
    rng = np.random.default_rng(6)
    whole = [torch_model("GRU", both=True), keras_model("LSTM"), torch_model("RNN", last="step", batch_first=False)]
    refused = []
    for number in range(300):
        content = np.frombuffer(whole[number % 3].SerializeToString(), np.uint8).copy()
        places = rng.integers(0, len(content), 1 + number % 4)
        content[places] = rng.integers(0, 256, len(places))
        (tmp_path / "model.onnx").write_bytes(content.tobytes())
        try:
            read_onnx(tmp_path / "model.onnx")
        except InputError as error:
            refused.append(str(error))
    assert len(refused) > 30
    assert not any("\n" in message for message in refused)

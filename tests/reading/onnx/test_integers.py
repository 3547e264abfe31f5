"""The bundle's own graph, back to the network."""

from __future__ import annotations

import base64

import onnx
import pytest
from networks import random_chain
from onnx import numpy_helper
from runtimes import CHAINS

from ffhw.errors import InputError
from ffhw.onnx.export import NETWORK, to_onnx
from ffhw.reading.onnx.integers import read_integers


@pytest.mark.parametrize("number", range(len(CHAINS)))
def test_every_kind_comes_back(number, tmp_path):
    network = random_chain(number, CHAINS[number], bits=5)
    (tmp_path / "model.onnx").write_bytes(to_onnx(network).SerializeToString())
    assert read_integers(tmp_path / "model.onnx").to_bytes() == network.to_bytes()


def changed(change, folder):
    model = to_onnx(random_chain(1, "jd"))
    change(model)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    return folder / "model.onnx"


def one_weight(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[0]
    array = numpy_helper.to_array(tensor).copy()
    array.reshape(-1)[0] += 1
    tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))


def another_network(model: onnx.ModelProto) -> None:
    other = base64.b64encode(random_chain(2, "jd").to_bytes()).decode()
    next(entry for entry in model.metadata_props if entry.key == NETWORK).value = other


def half_of_it(model: onnx.ModelProto) -> None:
    entry = next(entry for entry in model.metadata_props if entry.key == NETWORK)
    entry.value = base64.b64encode(base64.b64decode(entry.value)[:200]).decode()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (one_weight, "its graph is not that of the network it carries"),
        (another_network, "its graph is not that of the network it carries"),
        (half_of_it, "is not a NumPy file, or a damaged one"),
        (lambda model: model.ClearField("metadata_props"), "carries no quantized network"),
    ],
)
def test_what_does_not_belong_together_is_refused(change, message, tmp_path):
    with pytest.raises(InputError, match=message):
        read_integers(changed(change, tmp_path))

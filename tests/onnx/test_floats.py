"""The float network as an ONNX graph: what ONNX Runtime makes of it, and the way back."""

from __future__ import annotations

import dataclasses

import numpy as np
import onnx
import onnx.inliner
import pytest
from map_networks import window

from ffhw.backends.onnx_runtime import onnxruntime
from ffhw.errors import InputError
from ffhw.layers import KINDS
from ffhw.layers.bidirectional import FloatBidirectional
from ffhw.layers.convolution import FloatConvolution
from ffhw.layers.convolution_3d import FloatConvolution3D
from ffhw.layers.dense import FloatDense
from ffhw.layers.embedding import FloatEmbedding
from ffhw.layers.map_pooling import FloatMapPooling
from ffhw.layers.maps import Window
from ffhw.layers.over_maps import FloatOverMaps
from ffhw.layers.pooling import FloatPooling
from ffhw.layers.reversal import FloatReversal
from ffhw.model.floatnet import FloatNetwork, predict
from ffhw.onnx.floats.export import to_float_onnx
from ffhw.reading.onnx.model import read_onnx

RECURRENT = {name: pair[0] for name, pair in KINDS.items() if hasattr(pair[0], "quantized")}
OVER_MAPS = {name: trained for name, trained in RECURRENT.items() if issubclass(trained, FloatOverMaps)}
CELLS = {name: trained for name, trained in RECURRENT.items() if name not in OVER_MAPS}
OWN = {"sr": {"both": "hold"}, "ctrnn": {"alpha": 0.3}}


def cell(kind: str, rng: np.random.Generator, size: int, units: int, every_step: bool = True, **options):
    trained = CELLS[kind]
    gates, sums = len(trained.quantized.gate_tables), len(trained.quantized.gate_tables) + trained.quantized.apart
    return trained(
        name=f"{kind}_{size}_{units}", weights_x=rng.normal(size=(gates, units, size)),
        weights_h=rng.normal(size=(gates, units, units)), bias=rng.normal(size=(sums, units)),
        return_sequences=every_step, **{**OWN.get(kind, {}), **options},
    )  # fmt: skip


def dense(rng: np.random.Generator, size: int, units: int, activation: str = "linear") -> FloatDense:
    return FloatDense(f"dense_{size}_{units}", rng.normal(size=(units, size)), rng.normal(size=units), activation)


def networks() -> dict[str, FloatNetwork]:
    rng = np.random.default_rng(1)
    chains = {kind: [cell(kind, rng, 3, 5), cell(kind, rng, 5, 4, False), dense(rng, 4, 2)] for kind in CELLS}
    for both in ("set", "reset"):
        chains[f"sr {both}"] = [cell("sr", rng, 3, 5, both=both)]
    for kind in ("jk", "toggle", "sr"):
        # larger sums, so that gates close
        parts = [cell(kind, rng, 3, 5, closing=True), cell(kind, rng, 5, 4, False, closing=True)]
        chains[f"{kind} closing"] = [*(dataclasses.replace(part, bias=4 * part.bias) for part in parts)]
    for kind, merge, every in (
        ("lstm", "concat", True),
        ("gru", "ave", False),
        ("jk", "sum", True),
        ("jk", "mul", False),
    ):
        sides = (cell(kind, rng, 3, 4, every) for _ in range(2))
        wide = 4 * (1 + (merge == "concat"))
        chains[f"{kind} {merge}"] = [FloatBidirectional("both", *sides, merge), dense(rng, wide, 2, "softmax")]
    kernel = {"weights": rng.normal(size=(4, 6)), "bias": rng.normal(size=4), "activation": "relu", "taps": 2}
    conv = FloatConvolution("conv", **kernel, stride=2, causal=False, before=np.zeros(3))
    causal = FloatConvolution("causal", **kernel, stride=1, causal=True, before=np.zeros(3))
    before = FloatConvolution("before", **kernel, stride=1, causal=True, before=np.ones(3))
    chains["convolution"] = [conv, cell("jk", rng, 4, 3), FloatPooling("mean", "average", 3)]
    chains["causal"] = [causal, FloatReversal("turned", 4), cell("toggle", rng, 4, 3), FloatPooling("top", "max", 3)]
    chains["before"] = [before, dense(rng, 4, 1, "sigmoid")]
    chains["embedding"] = [FloatEmbedding("table", rng.normal(size=(9, 3))), cell("jk", rng, 3, 4)]
    return {name: FloatNetwork(name, tuple(layers)) for name, layers in chains.items()}


def over_maps(kind: str, rng: np.random.Generator, over: Window, filters: int, every_step: bool = True):
    trained = OVER_MAPS[kind]
    gates, sums = len(trained.quantized.gate_tables), len(trained.quantized.gate_tables) + trained.quantized.apart
    bias = rng.normal(size=(sums, over.positions * filters))
    bias[gates:] = 0  # sums that are kept apart have none
    return trained(
        name=f"{kind}_{filters}", weights_x=0.5 * rng.normal(size=(gates, filters, over.taps * over.channels)),
        weights_h=0.5 * rng.normal(size=(gates, filters, over.taps * filters)), bias=bias, return_sequences=every_step,
        window=over,
    )  # fmt: skip


def map_networks() -> dict[str, FloatNetwork]:
    """Inputs of 24 numbers are maps of 4 x 3 with two channels."""
    rng = np.random.default_rng(3)

    def convolution(over: Window, steps: int, lead: int) -> FloatConvolution3D:
        weights = 0.2 * rng.normal(size=(2, steps * over.taps * over.channels))
        bias = rng.normal(size=(steps, over.positions * 2))
        return FloatConvolution3D("conv", weights, bias, "relu", steps, lead, over)

    chains = {}
    for kind in OVER_MAPS:
        first = over_maps(kind, rng, window(4, 3, 2, size=(3, 2)), 3)
        last = over_maps(kind, rng, window(4, 3, 3, strides=(2, 1)), 2, False)
        chains[kind] = [first, last, dense(rng, 12, 2)]
        sides = [over_maps(kind, rng, window(4, 3, 2, dilation=(2, 1)), 2) for _ in range(2)]
        chains[f"{kind} both"] = [FloatBidirectional("both", *sides, "concat"), convolution(window(4, 3, 4), 3, 1)]
        ends = [over_maps(kind, rng, window(4, 3, 2), 2, False) for _ in range(2)]
        chains[f"{kind} ends"] = [FloatBidirectional("both", *ends, "concat"), dense(rng, 48, 2)]
    jk = over_maps("conv_jk", rng, window(4, 3, 2), 3)
    chains["conv_jk closing"] = [dataclasses.replace(jk, closing=True, bias=4 * jk.bias)]
    for steps, lead in ((1, 0), (2, 0), (3, 2), (4, 1)):
        chains[f"convolution of {steps}"] = [convolution(window(4, 3, 2, padding="valid"), steps, lead)]
    pooled = FloatMapPooling("pool", window(4, 3, 3, (2, 1), "valid", (2, 1)))
    chains["pooling"] = [over_maps("conv_jk", rng, window(4, 3, 2), 3, False), pooled, dense(rng, 18, 2)]
    chains["pooling of each step"] = [FloatMapPooling("pool", window(4, 3, 2, (2, 1), "valid", (2, 1)))]
    return {name: FloatNetwork(name, tuple(layers)) for name, layers in chains.items()}


MAP_NETWORKS = map_networks()


@pytest.mark.parametrize("name", MAP_NETWORKS)
def test_runtime_gives_what_a_network_over_maps_gives(name):
    network = MAP_NETWORKS[name]
    x = np.random.default_rng(2).normal(size=(3, 5, 24)).astype(np.float32)
    session = onnxruntime.InferenceSession(
        to_float_onnx(network).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    for steps in (5, 1):
        given = x[:, :steps]
        np.testing.assert_allclose(session.run(None, {"x": given})[0], predict(network, given), atol=5e-6)


NETWORKS = networks()
# Both directions of what has no operator are two flows; what stands before a sequence has none; CTRNN has no reader.
ONE_WAY = ("jk sum", "jk mul", "before", "ctrnn")


def given(network: FloatNetwork) -> tuple[np.ndarray, np.ndarray]:
    """Inputs as the network takes them, and as its graph does."""
    rng = np.random.default_rng(2)
    if network.layers[0].tokens:
        tokens = rng.integers(0, 9, (3, 8))
        return tokens[..., None], tokens
    x = rng.normal(size=(3, 8, 3)).astype(np.float32)
    return x, x


@pytest.mark.parametrize("name", NETWORKS)
def test_runtime_gives_what_the_network_gives(name):
    network = NETWORKS[name]
    x, fed = given(network)
    session = onnxruntime.InferenceSession(
        to_float_onnx(network).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    np.testing.assert_allclose(session.run(None, {"x": fed})[0], predict(network, x), atol=2e-6)


@pytest.mark.parametrize("name", [name for name in NETWORKS if name not in ONE_WAY])
@pytest.mark.parametrize("inlined", [False, True])
def test_way_back(name, inlined, tmp_path):
    """As it is, and with its functions written out: then the cell is a Scan like any other."""
    network, path = NETWORKS[name], tmp_path / "model.onnx"
    model = to_float_onnx(network)
    path.write_bytes((onnx.inliner.inline_local_functions(model) if inlined else model).SerializeToString())
    again = read_onnx(path)
    assert [layer.kind for layer in again.layers] == [layer.kind for layer in network.layers]
    x, _ = given(network)
    np.testing.assert_allclose(predict(again, x), predict(network, x), atol=2e-6)


def test_gates_that_see_the_inputs_only_come_back_so(tmp_path):
    jk = cell("jk", np.random.default_rng(1), 3, 5)
    network = FloatNetwork("alone", (CELLS["jk"](**{**jk.__dict__, "weights_h": np.zeros((2, 5, 0))}),))
    (tmp_path / "m.onnx").write_bytes(to_float_onnx(network).SerializeToString())
    again = read_onnx(tmp_path / "m.onnx")
    assert again.layers[0].weights_h.shape == (2, 5, 0)


def test_functions_are_named_after_the_cells():
    model = to_float_onnx(NETWORKS["jk"])
    assert [function.name for function in model.functions] == ["JK"]
    assert [node.op_type for node in model.graph.node] == ["JK", "JK", "MatMul", "Add", "Identity"]


def test_another_cell_in_a_scan_is_refused(tmp_path):
    """One operator of the cell's body changed: J's gate is no sigmoid any more."""
    model = onnx.inliner.inline_local_functions(to_float_onnx(NETWORKS["jk"]))
    loop = next(node for node in model.graph.node if node.op_type == "Scan")
    body = next(attribute.g for attribute in loop.attribute if attribute.name == "body")
    next(node for node in body.node if node.op_type == "Sigmoid").op_type = "HardSigmoid"
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(InputError, match=r"operator Scan .* is no recurrent cell that is understood"):
        read_onnx(tmp_path / "m.onnx")

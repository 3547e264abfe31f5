"""Float network -> ONNX graph of floats, as other exporters write them. One file a kind of layer beside this one."""

from __future__ import annotations

from typing import Any

import onnx
from onnx import TensorProto, helper

from ffhw import __version__
from ffhw.layers import rule
from ffhw.model.floatnet import FloatNetwork
from ffhw.onnx.export import IR_VERSION
from ffhw.onnx.floats.cell import DOMAIN, FLOAT_OPSET
from ffhw.onnx.floats.graph import FloatGraph


def to_float_onnx(network: FloatNetwork) -> onnx.ModelProto:
    """Graph of the network that was trained, in float32; cells that ONNX does not have are functions, by their names.

    Input: ``x`` float ``[batch, time, D]``, sequences of one length, or int64 tokens ``[batch, time]``.
    Output: ``y`` float ``[batch, answers, N]``, or ``[batch, N]`` where the network answers once a sequence.

    Raises
    ------
    InputError: a kind of layer has no rule.
    """
    graph = FloatGraph()
    x = "x"
    for layer in network.layers:
        graph.prefix = layer.name
        x = rule("ffhw.onnx.floats", "float ONNX graph", layer).nodes(graph, layer, x)  # type: ignore[arg-type]
    graph.prefix = "output"
    graph.node("Identity", [x], output="y")
    info = helper.make_tensor_value_info
    size = network.input_size
    given = info("x", TensorProto.FLOAT, ["batch", "time", size])
    if network.layers[0].tokens:
        given = info("x", TensorProto.INT64, ["batch", "time"])
    shape: list[Any] = ["batch", "answers", network.output_size]
    opsets = [helper.make_opsetid("", FLOAT_OPSET)]
    if graph.functions:
        opsets.append(helper.make_opsetid(DOMAIN, 1))
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            network.name or "network",
            [given],
            [info("y", TensorProto.FLOAT, shape if network.return_sequences else [shape[0], shape[2]])],
            initializer=graph.initializers,
        ),
        opset_imports=opsets,
        functions=list(graph.functions.values()),
        ir_version=IR_VERSION,
        producer_name="ffhw",
        producer_version=__version__,
    )
    onnx.checker.check_model(model, full_check=True)
    return model

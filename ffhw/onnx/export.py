"""Quantized network -> integer ONNX graph of standard operators. One file a kind of layer beside this one."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from ffhw import __version__
from ffhw.layers import rule
from ffhw.layers.rhythm import Rhythm
from ffhw.model.network import Network
from ffhw.onnx.graph import LAST, Graph

OPSET = 18
# IR version that belongs to the opset; newer ones are refused by older runtimes.
IR_VERSION = 9


def to_onnx(network: Network) -> onnx.ModelProto:
    """Integer graph with the golden model's outputs, code for code.

    Inputs: ``codes`` int32 ``[batch, time, D]`` and ``lengths`` int32 ``[batch]``, each one that the network can take.
    Output: ``outputs`` int32 ``[batch, answers, N]``, zero past a sequence's end, or ``[batch, N]`` where the network
    answers once a sequence.
    """
    graph = Graph(np.int64 if needs_64_bits(network) else np.int32)
    x = graph.node("Cast", ["codes"], to=graph.tensor_type)
    lengths = graph.node("Cast", ["lengths"], to=TensorProto.INT64)
    mask = step_mask(graph, lengths)  # [batch, time, 1]
    for layer in network.layers:
        graph.prefix = layer.name
        x = rule("ffhw.onnx", "ONNX graph", layer).nodes(graph, layer, x, mask)
        mask = answered(graph, mask, layer.rhythm)
    graph.prefix = "output"
    if network.return_sequences:
        x = graph.node("Where", [mask, x, graph.constant(0)])
        time = "time" if network.rhythm == Rhythm() else "answers"
        shape: list[Any] = ["batch", time, network.output_size]
    else:
        x = graph.node("Squeeze", [x, graph.int64([1])])
        shape = ["batch", network.output_size]
    graph.node("Cast", [x], output="outputs", to=TensorProto.INT32)
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            network.name,
            [
                helper.make_tensor_value_info("codes", TensorProto.INT32, ["batch", "time", network.input_size]),
                helper.make_tensor_value_info("lengths", TensorProto.INT32, ["batch"]),
            ],
            [helper.make_tensor_value_info("outputs", TensorProto.INT32, shape)],
            initializer=graph.initializers,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="ffhw",
        producer_version=__version__,
    )
    helper.set_model_props(model, {"input_format": str(network.input), "output_format": str(network.output)})
    onnx.checker.check_model(model, full_check=True)
    return model


def needs_64_bits(network: Network) -> bool:
    """Whether some intermediate number exceeds 31 bits."""
    return max(layer.largest_number for layer in network.layers) >= 1 << 31


def answered(graph: Graph, mask: str, rhythm: Rhythm) -> str:
    """Mask of a layer's answers, ``[batch, answers, 1]``, from that of the steps that it is given."""
    if rhythm == Rhythm():
        return mask
    # the answers' steps; a sequence that is answered as a whole has a first step
    start, stop, stride = (0, 1, 1) if rhythm.once else (rhythm.lead, LAST, rhythm.stride)
    return graph.node("Slice", [mask, *(graph.int64([n]) for n in (start, stop, 1, stride))])


def step_mask(graph: Graph, lengths: str) -> str:
    """``t < length``, ``[batch, time, 1]``."""
    time = graph.node("Squeeze", [graph.node("Shape", ["codes"], start=1, end=2)])
    steps = graph.node("Range", [graph.scalar(0), time, graph.scalar(1)])
    return graph.node(
        "Less",
        [
            graph.node("Unsqueeze", [steps, graph.int64([0, 2])]),
            graph.node("Unsqueeze", [lengths, graph.int64([1, 2])]),
        ],
    )

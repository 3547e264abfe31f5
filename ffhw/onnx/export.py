"""Quantized network -> integer ONNX graph of standard operators. One file a kind of layer beside this one."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ffhw import __version__
from ffhw.layers import rule
from ffhw.layers.rhythm import Rhythm
from ffhw.model.network import Network
from ffhw.onnx.graph import LAST, Graph, final_name, state_name

OPSET = 18
# IR version that belongs to the opset; newer ones are refused by older runtimes.
IR_VERSION = 9
# Under this name the graph carries the network that it was made of.
NETWORK = "ffhw_network"


def to_onnx(network: Network) -> onnx.ModelProto:
    """Integer graph with the golden model's outputs, code for code.

    Inputs: ``codes`` int32 ``[batch, time, D]`` and ``lengths`` int32 ``[batch]``, each one that the network can take;
    of each layer with a state, if wanted, ``<layer>.state`` int32 ``[batch, state_size]`` to start from, else zero.
    Outputs: ``outputs`` int32 ``[batch, answers, N]``, zero past a sequence's end, or ``[batch, N]`` where the network
    answers once a sequence; ``<layer>.final``, the states after each sequence's last step.

    Raises
    ------
    InputError: some intermediate number fits no integer type.
    """
    keeping = network.stateful_layers
    graph = Graph(np.int64 if network.integer_bits == 64 else np.int32, keeping)
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
    info = helper.make_tensor_value_info
    states = [info(state_name(layer), TensorProto.INT32, ["states", layer.state_size]) for layer in keeping]
    # a graph input with an initializer may be left out
    zeros = [numpy_helper.from_array(np.zeros((1, layer.state_size), np.int32), state_name(layer)) for layer in keeping]
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            network.name,
            [
                info("codes", TensorProto.INT32, ["batch", "time", network.input_size]),
                info("lengths", TensorProto.INT32, ["batch"]),
                *states,
            ],
            [
                info("outputs", TensorProto.INT32, shape),
                *(info(final_name(layer), TensorProto.INT32, ["batch", layer.state_size]) for layer in keeping),
            ],
            initializer=[*graph.initializers, *zeros],
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="ffhw",
        producer_version=__version__,
    )
    carried = base64.b64encode(network.to_bytes()).decode()
    formats = {"input_format": str(network.input), "output_format": str(network.output)}
    helper.set_model_props(model, {**formats, NETWORK: carried})
    onnx.checker.check_model(model, full_check=True)
    return model


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

"""Recurrent layers over maps: convolutions of all steps at once, and a Scan whose body convolves the states.

Inside, channels come first, as ONNX convolves: ``[..., channels, rows, columns]``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from onnx import TensorProto, helper

from ffhw.layers.maps import Window
from ffhw.layers.over_maps import FloatOverMaps
from ffhw.onnx.floats.cell import Nodes
from ffhw.onnx.floats.graph import FloatGraph

# From the body's nodes, the gates' sums and the parts of the old state to those of the new one, h first.
Step = Callable[[Nodes, list[str], list[str]], list[str]]


def channels_first(graph: FloatGraph, window: Window, x: str) -> str:
    """``[batch, time, elements]`` as ``[batch * time, channels, rows, columns]``."""
    shape = graph.integers(-1, window.rows, window.columns, window.channels)
    return str(graph.node("Transpose", [graph.node("Reshape", [x, shape])], perm=[0, 3, 1, 2]))


def kernel(window: Window, weights: Any) -> Any:
    """``[gates F, channels, rows, columns]`` of ``weights [..., taps * channels]``."""
    stored = weights.reshape(-1, *window.size, window.channels)
    return stored.transpose(0, 3, 1, 2)


def placing(window: Window) -> dict[str, Any]:
    """Attributes of an operator that slides this window."""
    return {
        "kernel_shape": list(window.size),
        "strides": list(window.strides),
        "dilations": list(window.dilation),
        "pads": [*window.before, *window.after],
    }


def by_place(window: Window, bias: Any) -> Any:
    """Biases ``[..., places * F]`` as ``[... F, rows, columns]``."""
    rows, columns = window.places
    parts = bias.reshape(len(bias), rows, columns, -1)
    return parts.transpose(0, 3, 1, 2).reshape(-1, rows, columns)


def scan(graph: FloatGraph, layer: FloatOverMaps, x: str, step: Step) -> str:
    """h of all steps ``[batch, time, N]`` or of the last one ``[batch, N]``."""
    window, filters, gates = layer.window, layer.filters, len(layer.weights_x)
    rows, columns = window.places
    parts = len(layer.quantized.state_signals)
    # Wx * x + b of all steps
    sums = graph.node(
        "Conv",
        [channels_first(graph, window, x), graph.weights("kernel", kernel(window, layer.weights_x))],
        **placing(window),
    )
    sums = graph.node("Add", [sums, graph.weights("bias", by_place(window, layer.bias[:gates]))])
    both = graph.node("Shape", [x], start=0, end=2)
    shape = graph.node("Concat", [both, graph.integers(gates * filters, rows, columns)], axis=0)
    steps = graph.node("Transpose", [graph.node("Reshape", [sums, shape])], perm=[1, 0, 2, 3, 4])
    batch = graph.node("Shape", [x], start=0, end=1)
    size = graph.node("Concat", [batch, graph.integers(filters, rows, columns)], axis=0)
    start = graph.node("ConstantOfShape", [size])
    recurrent = graph.weights("recurrent_kernel", kernel(window.over(filters), layer.weights_h))
    *final, every = graph.node(
        "Scan",
        [*[start] * parts, steps],
        outputs=parts + 1,
        body=_body(layer, step, recurrent, parts),
        num_scan_inputs=1,
    )
    if layer.return_sequences:
        every = graph.node("Transpose", [every], perm=[1, 0, 3, 4, 2])
        return str(graph.node("Reshape", [every, graph.integers(0, 0, layer.units)]))
    last = graph.node("Transpose", [final[0]], perm=[0, 2, 3, 1])
    return str(graph.node("Reshape", [last, graph.integers(0, layer.units)]))


def _body(layer: FloatOverMaps, step: Step, recurrent: str, parts: int) -> Any:
    """One step: the states' convolution, the cell."""
    gates, apart = len(layer.weights_x), layer.quantized.apart
    body = Nodes()
    old = [f"state_{part}" for part in range(parts)]
    # Wh * h
    body.add("Conv", [old[0], recurrent], "again", **placing(layer.window.over(layer.filters)))
    driven, again = ([f"{name}_{gate}" for gate in range(gates)] for name in ("driven", "again"))
    for name, split in (("driven", driven), ("again", again)):
        if gates > 1:
            body.add("Split", [name], split, axis=1, num_outputs=gates)
        else:
            body.add("Identity", [name], split)
    together = gates - apart
    sums = [body.add("Add", [driven[gate], again[gate]], f"sum_{gate}") for gate in range(together)]
    sums += [*driven[together:], *again[together:]]
    new = step(body, sums, old)
    for part, name in enumerate(new):
        body.add("Identity", [name], f"next_{part}")
    body.add("Identity", ["next_0"], "y")
    info = helper.make_tensor_value_info
    return helper.make_graph(
        body.nodes,
        f"{layer.name}_step",
        [info(name, TensorProto.FLOAT, None) for name in (*old, "driven")],
        [info(name, TensorProto.FLOAT, None) for name in (*[f"next_{part}" for part in range(parts)], "y")],
    )

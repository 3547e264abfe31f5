"""Bidirectional layers: one operator where ONNX has it, else both directions and a merger."""

from __future__ import annotations

from ffhw.layers import rule
from ffhw.layers.bidirectional import FloatBidirectional
from ffhw.onnx.floats.graph import FloatGraph


def nodes(graph: FloatGraph, layer: FloatBidirectional, x: str) -> str:
    """Merged states of all steps ``[batch, time, N]`` or of the whole sequence ``[batch, N]``."""
    own = rule("ffhw.onnx.floats", "float ONNX graph", layer.ahead)  # type: ignore[arg-type]
    once = not layer.return_sequences
    if hasattr(own, "OPERATOR"):
        sides = [own.side(layer.ahead), own.side(layer.back)]
        attributes = {"direction": "bidirectional", **getattr(own, "ATTRIBUTES", {})}
        ahead, back = graph.recurrent(own.OPERATOR, sides, x, once, **attributes)
    else:
        ahead = own.nodes(graph, layer.ahead, x)
        back = own.nodes(graph, layer.back, graph.reversed_steps(x))
        back = back if once else graph.reversed_steps(back)
    if layer.merge == "concat" and layer.maps:
        return _side_by_side(graph, layer, [ahead, back])
    if layer.merge == "concat":
        return str(graph.node("Concat", [ahead, back], axis=-1))
    if layer.merge == "mul":
        return str(graph.node("Mul", [ahead, back]))
    total = graph.node("Add", [ahead, back])
    return str(graph.node("Mul", [total, graph.weights("half", [0.5])]) if layer.merge == "ave" else total)


def _side_by_side(graph: FloatGraph, layer: FloatBidirectional, both: list[str]) -> str:
    """At each place of the maps."""
    assert layer.maps is not None
    places = layer.maps[0] * layer.maps[1]
    kept = [0, 0] if layer.return_sequences else [0]
    shape = graph.integers(*kept, places, layer.ahead.units // places)
    joined = graph.node("Concat", [graph.node("Reshape", [part, shape]) for part in both], axis=-1)
    return str(graph.node("Reshape", [joined, graph.integers(*kept, layer.output_size)]))

"""Bidirectional layers in ONNX: the graphs of both directions, one of them on reversed sequences."""

from __future__ import annotations

from ffhw.layers import rule
from ffhw.layers.bidirectional import BidirectionalLayer
from ffhw.numbers.formats import Fixed
from ffhw.onnx.graph import Graph
from ffhw.onnx.reversal import backwards


def nodes(graph: Graph, layer: BidirectionalLayer, x: str, mask: str) -> str:
    """Merged states of all steps ``[batch, time, N]`` or of the whole sequence ``[batch, 1, N]``."""
    given = []
    for direction, part in layer.directions.items():
        graph.prefix = f"{layer.name}/{direction}"
        source = x if direction == "ahead" else backwards(graph, x, mask)
        given.append(rule("ffhw.onnx", "ONNX graph", part).nodes(graph, part, source, mask))
    graph.prefix = layer.name
    ahead, back = given
    if layer.return_sequences:
        back = backwards(graph, back, mask)
    if layer.merge == "concat":
        return _side_by_side(graph, layer, [ahead, back])
    if layer.merge == "mul":
        return _product(graph, layer, ahead, back)
    total = graph.node("Add", [ahead, back])
    if layer.merge == "sum":
        return total
    # (a + b + 1) >> 1
    return graph.rounded(total, 1, 2 * layer.ahead.state.magnitude)


def _side_by_side(graph: Graph, layer: BidirectionalLayer, both: list[str]) -> str:
    if layer.maps is None:
        return graph.node("Concat", both, axis=2)
    # at each place of the maps
    rows, columns = layer.maps
    shape = graph.int64([0, 0, rows * columns, layer.units // (rows * columns)])
    places = graph.node("Concat", [graph.node("Reshape", [part, shape]) for part in both], axis=3)
    return graph.node("Reshape", [places, graph.int64([0, 0, layer.output_size])])


def _product(graph: Graph, layer: BidirectionalLayer, ahead: str, back: str) -> str:
    state = layer.ahead.state
    if not isinstance(state, Fixed):
        return graph.interpolate(ahead, back, None, state.bits)
    # (a b + half) >> (b - 1), saturated
    product = graph.rounded(graph.node("Mul", [ahead, back]), state.frac, state.magnitude**2)
    return graph.clip(product, state.min, state.max)

"""Both directions of a bidirectional layer, taken apart and joined again."""

from __future__ import annotations

import dataclasses

from ffhw.layers.bidirectional import FloatBidirectional
from ffhw.reading.onnx.states import one, stacked, taken
from ffhw.reading.onnx.values import DIRECTIONS, FEATURES, FirstState, Flow, Sizes, States, Value, are_zeros, sizes_of
from ffhw.reading.onnx.walk import Operator, Walk, picked


def merged(walk: Walk, operator: Operator, merge: str, ahead: Flow, back: Flow) -> Flow:
    """Both directions of the layer before, joined."""
    same = dataclasses.replace(ahead, direction=None) == dataclasses.replace(back, direction=None)
    if not merge or not same or (ahead.direction, back.direction) != (0, 1):
        raise operator.refuse("joins two flows: only both directions of a bidirectional layer, forward first, can be")
    flow = walk.take(operator, dataclasses.replace(ahead, direction=None))
    layer = walk.parts[-1]
    assert isinstance(layer, FloatBidirectional)
    walk.parts[-1] = dataclasses.replace(layer, merge=merge)
    return dataclasses.replace(flow, size=flow.size * (1 + (merge == "concat")), directions=1)


def one_direction(walk: Walk, flow: Flow, elements: range) -> Flow | None:
    """One direction's half of what a bidirectional layer gives side by side; None if these elements are not that."""
    half = flow.size // 2
    layer = walk.parts[flow.made - 1] if flow.made else None
    whole = isinstance(layer, FloatBidirectional) and layer.merge == "concat" and flow.size == layer.output_size
    if not whole or len(elements) != half or elements.start not in (0, half):
        return None
    return dataclasses.replace(flow, size=half, direction=elements.start // half)


def split(walk: Walk, operator: Operator, x: Value, parts: Value | None = None) -> list[Value]:
    """The directions of a bidirectional layer, or final states of layers, one by one."""
    axis = operator.attributes.get("axis", 0)
    if isinstance(x, States):
        if operator.outputs != sum(flow.directions for flow in x.flows):
            raise operator.refuse("splits the final states of layers into other parts than one each")
        return [taken(walk, operator, x, axis, one(place), kept=True) for place in range(operator.outputs)]
    if not isinstance(x, Flow):
        return [x] * operator.outputs
    axis = x.axis(axis)
    if x.axes[axis] != DIRECTIONS or operator.outputs != x.directions:
        raise operator.refuse("splits something else than the directions of a bidirectional layer")
    return [picked(walk, operator, x, axis, place, kept=True) for place in range(operator.outputs)]


def concat(walk: Walk, operator: Operator, *values: Value) -> list[Value]:
    """Both directions side by side; final states of layers, or sizes, one after the other."""
    firsts = [v for v in values if isinstance(v, FirstState)]
    if firsts and (len(values) == 1 or all(are_zeros(v) for v in values)):
        return [firsts[0]]
    known = [sizes_of(v) for v in values]
    if all(entries is not None for entries in known):
        return [Sizes(tuple(entry for entries in known if entries is not None for entry in entries))]
    axis = operator.attributes["axis"]
    states = stacked(values, axis)
    if states is not None:
        return [states]
    flows = [value for value in values if isinstance(value, Flow)]
    if len(flows) != len(values) or len(flows) != 2 or flows[0].axes[flows[0].axis(axis)] != FEATURES:
        raise operator.refuse("joins what is not both directions of a bidirectional layer")
    return [merged(walk, operator, "concat", *flows)]


OPERATORS = {"Concat": concat, "Split": split}

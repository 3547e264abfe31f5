"""Both directions of a bidirectional layer, taken apart and joined again."""

from __future__ import annotations

import dataclasses

from ffhw.layers.bidirectional import FloatBidirectional
from ffhw.reading.onnx.values import DIRECTIONS, FEATURES, ZEROS, Flow, Sizes, Value, are_zeros, sizes_of
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


def split(walk: Walk, operator: Operator, x: Value, parts: Value | None = None) -> list[Value]:
    """The directions of a bidirectional layer, one by one."""
    if not isinstance(x, Flow):
        return [x] * operator.outputs
    axis = x.axis(operator.attributes.get("axis", 0))
    if x.axes[axis] != DIRECTIONS or operator.outputs != x.directions:
        raise operator.refuse("splits something else than the directions of a bidirectional layer")
    return [picked(walk, operator, x, axis, place, kept=True) for place in range(operator.outputs)]


def concat(walk: Walk, operator: Operator, *values: Value) -> list[Value]:
    """Both directions side by side; sizes one after the other."""
    if all(are_zeros(v) for v in values) and any(v is ZEROS for v in values):
        return [ZEROS]
    known = [sizes_of(v) for v in values]
    if all(entries is not None for entries in known):
        return [Sizes(tuple(entry for entries in known if entries is not None for entry in entries))]
    flows = [value for value in values if isinstance(value, Flow)]
    axis = operator.attributes["axis"]
    if len(flows) != len(values) or len(flows) != 2 or flows[0].axes[flows[0].axis(axis)] != FEATURES:
        raise operator.refuse("joins what is not both directions of a bidirectional layer")
    return [merged(walk, operator, "concat", *flows)]


OPERATORS = {"Concat": concat, "Split": split}

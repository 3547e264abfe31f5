"""Final states of several layers in one tensor, PyTorch's ``h_n``: put together, and taken apart again."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ffhw.reading.onnx.values import DIRECTIONS, UNIT, Flow, States, Value
from ffhw.reading.onnx.walk import Operator, Walk, picked


def stacked(values: Sequence[Value], axis: int) -> States | None:
    """Final states of layers one after the other along an axis; None if that is not what these are."""
    flows = [value for value in values if isinstance(value, Flow)]
    alike = len(flows) == len(values) and all(
        flow.axes == flows[0].axes and flow.final is not None and flow.direction is None for flow in flows
    )
    if not alike or flows[0].axes[flows[0].axis(axis)] != DIRECTIONS:
        return None
    return States(tuple(flows))


def transposed(operator: Operator, states: States, perm: Sequence[int]) -> States:
    """The same with its axes in another order."""
    axes = states.flows[0].axes
    if states.apart or sorted(perm) != list(range(len(axes))):
        raise operator.refuse(f"moves axes of the final states of layers by perm={list(perm)}, which is not understood")
    order = tuple(axes[axis] for axis in perm)
    return States(tuple(dataclasses.replace(flow, axes=order) for flow in states.flows))


def viewed(operator: Operator, states: States, wanted: Sequence[int | str]) -> States:
    """The same with layers in an axis of their own: ``h_n.view(layers, directions, batch, units)``."""
    first = states.flows[0]
    sizes = (len(states.flows), *first.shape)
    alike = all(flow.shape == first.shape for flow in states.flows) and len(sizes) == len(wanted)
    if states.apart or not alike or any(not first.is_size(n, size) for n, size in zip(wanted, sizes, strict=True)):
        raise operator.refuse(f"turns the final states of layers into {list(wanted)}, which is not understood")
    return States(states.flows, apart=True)


def one(place: int) -> slice:
    """A place of an axis, counted from either end, as a part of it."""
    return slice(place, place + 1 if place != -1 else None)


def taken(walk: Walk, operator: Operator, states: States, axis: int, places: slice, kept: bool) -> Value:
    """Some places of the axis in which layers and directions are: one of them, or both directions of a layer.

    kept: where it is one place, the axis stays, of size 1.
    """
    flows = states.flows
    rank = len(flows[0].axes) + states.apart
    along = 0 if states.apart else flows[0].axes.index(DIRECTIONS)
    ways = [(layer, way) for layer, flow in enumerate(flows) for way in range(1 if states.apart else flow.directions)]
    chosen = ways[places]
    if not -rank <= axis < rank or axis % rank != along or len({layer for layer, _ in chosen}) != 1:
        raise operator.refuse("takes final states of more than one layer: only the last one's become hardware, h_n[-1]")
    flow = flows[chosen[0][0]]
    if states.apart:
        return dataclasses.replace(flow, axes=(UNIT, *flow.axes)) if kept else flow
    if len(chosen) == 1:
        return picked(walk, operator, flow, along, chosen[0][1], kept)
    if chosen != sorted(chosen):
        raise operator.refuse("takes the directions of a layer in another order, which has no hardware")
    if len(chosen) < flow.directions:
        raise operator.refuse("takes some directions of a layer, which has no hardware")
    return flow

"""Averages and maxima over all steps."""

from __future__ import annotations

from ffhw.layers.pooling import FloatPooling
from ffhw.reading.onnx.values import TIME, UNIT, Rule, Value, sizes_of
from ffhw.reading.onnx.walk import Operator, Walk


def pooling(kind: str, everything: bool) -> Rule:
    """An average or a maximum over all steps; ``everything``: over whatever stands behind batch and features."""

    def rule(walk: Walk, operator: Operator, x: Value, axes: Value | None = None) -> list[Value]:
        flow = walk.take(operator, x)
        chosen = (
            [2] if everything else operator.attributes.get("axes", (sizes_of(axes) if axes is not None else None) or [])
        )
        if [flow.axes[flow.axis(axis)] for axis in chosen] != [TIME]:
            raise operator.refuse("must go over the axis of time alone")
        layer = FloatPooling(walk.name(operator), kind, flow.size)
        kept = everything or operator.attributes.get("keepdims", 1)
        axes_left = [UNIT if axis == TIME else axis for axis in flow.axes if kept or axis != TIME]
        return [walk.add(flow, layer, axes=tuple(axes_left))]

    return rule


OPERATORS = {
    "GlobalAveragePool": pooling("average", everything=True),
    "GlobalMaxPool": pooling("max", everything=True),
    "ReduceMax": pooling("max", everything=False),
    "ReduceMean": pooling("average", everything=False),
}

"""Steps in reverse."""

from __future__ import annotations

from ffhw.layers.reversal import FloatReversal
from ffhw.reading.onnx.values import Flow
from ffhw.reading.onnx.walk import Operator, Walk


def reversed_steps(walk: Walk, operator: Operator, flow: Flow) -> Flow:
    """The same with its steps in reverse."""
    flow = walk.take(operator, flow)
    return walk.add(flow, FloatReversal(walk.name(operator), flow.size))

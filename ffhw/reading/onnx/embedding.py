"""Gather from a table: the row of each token."""

from __future__ import annotations

from ffhw.layers.embedding import FloatEmbedding
from ffhw.reading.onnx.values import FEATURES, Flow, Value
from ffhw.reading.onnx.walk import Operator, Walk, numbers


def embedded(walk: Walk, operator: Operator, table: Value, tokens: Flow) -> list[Value]:
    """Rows of a table for the tokens at the model's input."""
    flow = walk.take(operator, tokens)
    rows = numbers(operator, table, "its table")
    if operator.attributes.get("axis", 0) or rows.ndim != 2 or walk.parts or FEATURES in flow.axes:
        raise operator.refuse("looks something up that is not a token at the model's input")
    layer = FloatEmbedding(walk.name(operator), rows)
    return [walk.add(flow, layer, axes=(*flow.axes, FEATURES), size=rows.shape[1])]

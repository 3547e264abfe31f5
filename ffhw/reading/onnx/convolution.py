"""Conv: convolutions over time."""

from __future__ import annotations

import numpy as np

from ffhw.layers.convolution import FloatConvolution
from ffhw.reading.onnx.values import BATCH, FEATURES, TIME, Value
from ffhw.reading.onnx.walk import Operator, Walk, numbers


def conv(walk: Walk, operator: Operator, x: Value, w: Value, b: Value | None = None) -> list[Value]:
    """A convolution over time, of full windows or with K - 1 zeros in front."""
    flow, weights = walk.take(operator, x), numbers(operator, w, "weights")
    if flow.axes != (BATCH, FEATURES, TIME) or weights.ndim != 3 or weights.shape[1] != flow.size:
        raise operator.refuse("must convolve [batch, features, time] over time, in one group")
    n, _, taps = weights.shape
    operator.expect(group=1, dilations=([1],), auto_pad=("NOTSET", "VALID"), pads=([0, 0], [taps - 1, 0]))
    layer = FloatConvolution(
        name=walk.name(operator),
        # the oldest step first
        weights=weights.transpose(0, 2, 1).reshape(n, -1),
        bias=np.zeros(n) if b is None else numbers(operator, b, "its bias"),
        activation="linear",
        taps=taps,
        stride=operator.attributes.get("strides", [1])[0],
        causal=taps > 1 and operator.attributes.get("pads", [0, 0]) != [0, 0],
        before=np.zeros(flow.size),
    )
    fixed = dict(flow.fixed)
    if TIME in fixed:
        fixed[TIME] = int(layer.rhythm.steps(np.array(fixed[TIME])))
    return [walk.add(flow, layer, size=n, fixed=fixed)]


OPERATORS = {"Conv": conv}

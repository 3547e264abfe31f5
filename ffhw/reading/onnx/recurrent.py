"""What recurrent operators of ONNX share: LSTM, GRU and RNN, in one direction, the other or both.

``R`` and ``W`` are ``[directions, gates N, ...]``, ``B`` holds the input's and the recurrent biases side by side. The
order of gates is ONNX's own: i o f c of an LSTM, z r h of a GRU.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ffhw.layers.bidirectional import FloatBidirectional
from ffhw.layers.float_recurrent import FloatRecurrent
from ffhw.layers.reversal import FloatReversal
from ffhw.reading.onnx.values import BATCH, DIRECTIONS, FEATURES, TIME, Flow, Unread, Value
from ffhw.reading.onnx.walk import Operator, Walk, numbers

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]
# From name, W [gates, N, D], R [gates, N, N] and B [2, gates, N] of one direction to its layer.
Build = Callable[[str, np.ndarray, np.ndarray, np.ndarray], FloatRecurrent]


def recurrent(
    walk: Walk, operator: Operator, gates: int, activations: list[str], build: Build, inputs: tuple[Value | None, ...]
) -> list[Value]:
    """Outputs Y, Y_h and (of an LSTM) Y_c of a recurrent operator, which becomes one layer or a few."""
    x, w, r, b, lengths, *states = [*inputs, *[None] * 8][:8]
    operator.expect(layout=(0, 1), direction=("forward", "reverse", "bidirectional"))
    direction = operator.attributes.get("direction", "forward")
    both = direction == "bidirectional"
    if "clip" in operator.attributes:
        raise operator.refuse("has clip, which has no hardware")
    given = [name.lower() for name in operator.attributes.get("activations", [])]
    if given and given != activations * (1 + both):
        raise operator.refuse(f"has activations {', '.join(given)}, which have no hardware; use {activations}")
    if lengths is not None:
        raise operator.refuse("takes lengths of sequences: leave them out, they come with the data")
    flow = walk.take(operator, x)
    first = operator.attributes.get("layout", 0)  # 1: batch first
    expected = (BATCH, TIME, FEATURES) if first else (TIME, BATCH, FEATURES)
    if flow.axes != expected:
        raise operator.refuse(f"takes axes {', '.join(flow.axes)} where {', '.join(expected)} are meant")
    sides = _sides(operator, gates, 1 + both, flow.size, w, r, b)
    name = walk.name(operator)
    walk.start(operator, name, states[:2], both)
    n = sides[0][1].shape[2]
    if both:
        ahead, back = (build(f"{name}_{way}", *side) for way, side in zip(("ahead", "back"), sides, strict=True))
        flow = walk.add(flow, FloatBidirectional(name, ahead, back, "concat"))
    elif direction == "reverse":
        # Y has its steps where those of X are
        turn = [FloatReversal(f"{name}_{way}", size) for way, size in (("reversal", flow.size), ("reversed", n))]
        flow = walk.add(flow, turn[0], build(name, *sides[0]), turn[1])
    else:
        flow = walk.add(flow, build(name, *sides[0]))
    every = (BATCH, TIME, DIRECTIONS, FEATURES) if first else (TIME, DIRECTIONS, BATCH, FEATURES)
    last = (BATCH, DIRECTIONS, FEATURES) if first else (DIRECTIONS, BATCH, FEATURES)
    behind = int(direction == "reverse")
    shared: dict[str, Any] = {"size": n, "made": flow.made, "directions": 1 + both, "fixed": flow.fixed}
    cells = Unread("takes an LSTM's cell state c, which has no hardware: take its output, or h_n", state=not both)
    return [Flow(every, **shared), Flow(last, final=behind, **shared), cells]


def _sides(operator: Operator, gates: int, sides: int, size: int, w: Any, r: Any, b: Any) -> list[Arrays]:
    """W, R and B of each direction, once their shapes are known to be right."""
    w, r = numbers(operator, w, "weights W"), numbers(operator, r, "weights R")
    n = operator.attributes.get("hidden_size", r.shape[-1] if r.ndim else 0)
    b = np.zeros((sides, 2 * gates * n)) if b is None else numbers(operator, b, "biases B")
    for what, array, shape in (("W", w, (gates * n, size)), ("R", r, (gates * n, n)), ("B", b, (2 * gates * n,))):
        if array.shape != (sides, *shape) or n < 1:
            raise operator.refuse(f"has {what} of shape {list(array.shape)}, its sizes ask for {[sides, *shape]}")
    return [
        (w[side].reshape(gates, n, size), r[side].reshape(gates, n, n), b[side].reshape(2, gates, n))
        for side in range(sides)
    ]

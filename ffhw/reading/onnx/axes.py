"""Operators that move axes about, take a part of one, or ask for sizes; no number changes."""

from __future__ import annotations

import dataclasses

import numpy as np

from ffhw.reading.onnx.embedding import embedded
from ffhw.reading.onnx.reversal import reversed_steps
from ffhw.reading.onnx.values import BATCH, FEATURES, TIME, UNIT, ZEROS, Flow, Rule, Sizes, Value, are_zeros, sizes_of
from ffhw.reading.onnx.walk import Operator, Walk, picked

# --- axes ------------------------------------------------------------------------------------------------------------


def transpose(walk: Walk, operator: Operator, x: Value) -> list[Value]:
    """Axes in another order."""
    if not isinstance(x, Flow):
        return [x]
    perm = operator.attributes.get("perm", list(range(len(x.axes)))[::-1])
    if sorted(perm) != list(range(len(x.axes))):
        raise operator.refuse(f"has perm={perm} for {len(x.axes)} axes")
    return [dataclasses.replace(x, axes=tuple(x.axes[axis] for axis in perm))]


def squeeze(walk: Walk, operator: Operator, x: Value, axes: Value | None = None) -> list[Value]:
    """Axes of size 1 taken away."""
    if not isinstance(x, Flow):
        return [x]
    chosen = operator.attributes.get("axes", sizes_of(axes) if axes is not None else None)
    if chosen is None:
        raise operator.refuse("must say which axes it takes away")
    flow = x
    for axis in sorted((x.axis(axis) for axis in chosen), reverse=True):
        if x.shape[axis] != 1:
            raise operator.refuse(f"takes away axis {axis} of {list(x.shape)}, which is not of size 1")
        flow = flow.without(axis)
    return [flow]


def unsqueeze(walk: Walk, operator: Operator, x: Value, axes: Value | None = None) -> list[Value]:
    """Axes of size 1 added."""
    if not isinstance(x, Flow):
        return [x]
    letters = list(x.axes)
    chosen = operator.attributes.get("axes", sizes_of(axes) if axes is not None else None)
    for axis in chosen or ():
        letters.insert(axis if axis >= 0 else len(letters) + 1 + axis, UNIT)
    return [dataclasses.replace(x, axes=tuple(letters))]


def gather(walk: Walk, operator: Operator, x: Value, index: Value) -> list[Value]:
    """A row of a table for each token; the last step; one direction; one of some sizes."""
    axis = operator.attributes.get("axis", 0)
    if isinstance(index, Flow):
        return embedded(walk, operator, x, index)
    if x is ZEROS:
        return [ZEROS]
    chosen = sizes_of(index)
    if chosen is None or not all(isinstance(n, int) for n in chosen):
        raise operator.refuse("must take constant places")
    if isinstance(x, Sizes):
        return [Sizes(tuple(x.entries[int(n)] for n in chosen))]
    if not isinstance(x, Flow) or len(chosen) != 1:
        raise operator.refuse("must take one place of an axis")
    place, kept = int(chosen[0]), isinstance(index, np.ndarray) and index.ndim == 1
    return [picked(walk, operator, x, x.axis(axis), place, bool(kept))]


def slices(walk: Walk, operator: Operator, x: Value, *bounds: Value | None) -> list[Value]:
    """The last step, one direction, all of an axis, all steps in reverse; some of some sizes."""
    starts, ends, axes, steps = (sizes_of(v) if v is not None else None for v in [*bounds, None, None, None, None][:4])
    if starts is None or ends is None:
        raise operator.refuse("must have constant bounds")
    axes = axes or tuple(range(len(starts)))
    steps = steps or (1,) * len(starts)
    if x is ZEROS:
        return [ZEROS]
    if isinstance(x, Sizes) and len(starts) == 1:
        return [Sizes(x.entries[int(starts[0]) : int(ends[0]) : int(steps[0])])]
    if not isinstance(x, Flow):
        raise operator.refuse("slices what is no data")
    flow = x
    for start, end, axis, step in (map(int, entry) for entry in zip(starts, ends, axes, steps, strict=True)):
        place = flow.axis(axis)
        far = abs(end) >= 1 << 30
        if step == 1 and start == 0 and end > 0 and far:
            continue
        if flow.axes[place] == TIME and step == -1 and start == -1 and end < -1 and far:
            flow = reversed_steps(walk, operator, flow)
        elif step == 1 and ((start == -1 and end > 0 and far) or end - start == 1):
            flow = picked(walk, operator, flow, place, start, kept=True)
        else:
            raise operator.refuse(f"takes {start}:{end}:{step} of axis {axis}, which has no hardware")
    return [flow]


def reshape(walk: Walk, operator: Operator, x: Value, shape: Value) -> list[Value]:
    """Directions and features in one axis; batch and time in one, and apart again."""
    wanted = sizes_of(shape)
    if x is ZEROS:
        return [ZEROS]
    if isinstance(x, Sizes):
        return [x]
    if not isinstance(x, Flow) or wanted is None:
        raise operator.refuse("must have a shape that is known, or made of the input's")
    for letters in _regrouped(x.axes):
        sizes = dataclasses.replace(x, axes=letters).shape
        if "df" in letters:
            sizes = tuple(
                x.size * x.directions if letter == "df" else n for letter, n in zip(letters, sizes, strict=True)
            )
        if len(sizes) == len(wanted) and all(
            n == size or n == -1 or (n == 0 and place < len(x.axes) and letters[place] == x.axes[place])
            for place, (n, size) in enumerate(zip(wanted, sizes, strict=True))
        ):
            flow = dataclasses.replace(x, axes=tuple(FEATURES if letter == "df" else letter for letter in letters))
            if "df" in letters:
                flow = dataclasses.replace(flow, size=x.size * x.directions, directions=1)
            return [flow]
    raise operator.refuse(f"turns {list(x.shape)} into {list(wanted)}, which is not understood")


def _regrouped(axes: tuple[str, ...]) -> list[tuple[str, ...]]:
    """What axes can become without a number moving: one merger or division, or axes of size 1 gone."""
    found = [axes, tuple(axis for axis in axes if axis != UNIT)]
    for place in range(len(axes) - 1):
        pair = "".join(axes[place : place + 2])
        if pair in ("df", "bt", "tb"):
            found.append((*axes[:place], pair, *axes[place + 2 :]))
    for place, axis in enumerate(axes):
        if axis in ("bt", "tb"):
            found.append((*axes[:place], *axis, *axes[place + 1 :]))
    return found


def flatten(walk: Walk, operator: Operator, x: Value) -> list[Value]:
    """Nothing, where there are a batch and features only."""
    if isinstance(x, Flow) and operator.attributes.get("axis", 1) == 1:
        rest = tuple(axis for axis in x.axes if axis != UNIT)
        if rest == (BATCH, FEATURES):
            return [dataclasses.replace(x, axes=rest)]
    raise operator.refuse("lays out steps flat, which has no hardware")


# --- sizes and constants ---------------------------------------------------------------------------------------------


def shape_of(walk: Walk, operator: Operator, x: Value) -> list[Value]:
    """The sizes of the data."""
    start, end = operator.attributes.get("start", 0), operator.attributes.get("end")
    if isinstance(x, Flow):
        return [Sizes(x.shape[start:end])]
    if isinstance(x, np.ndarray):
        return [np.array(x.shape[start:end], np.int64)]
    raise operator.refuse("asks for a shape that is not known")


def zeros(walk: Walk, operator: Operator, shape: Value) -> list[Value]:
    """Zeros of any shape."""
    value = operator.attributes.get("value")
    if isinstance(value, np.ndarray) and value.any():
        raise operator.refuse("makes other numbers than zeros, which has no hardware")
    return [ZEROS]


def expand(walk: Walk, operator: Operator, x: Value, shape: Value) -> list[Value]:
    """Zeros of another shape."""
    if not are_zeros(x):
        raise operator.refuse("spreads other numbers than zeros, which has no hardware")
    return [ZEROS]


def same(walk: Walk, operator: Operator, x: Value, *rest: Value | None) -> list[Value]:
    """What does nothing once training is over."""
    return [x, *[np.zeros(0)] * (operator.outputs - 1)]


OPERATORS: dict[str, Rule] = {
    "Cast": same,
    "ConstantOfShape": zeros,
    "Dropout": same,
    "Expand": expand,
    "Flatten": flatten,
    "Gather": gather,
    "Identity": same,
    "Reshape": reshape,
    "Shape": shape_of,
    "Slice": slices,
    "Squeeze": squeeze,
    "Transpose": transpose,
    "Unsqueeze": unsqueeze,
}

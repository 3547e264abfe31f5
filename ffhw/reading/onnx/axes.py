"""Operators that move axes about, take a part of one, or ask for sizes; no number changes."""

from __future__ import annotations

import dataclasses

import numpy as np

from ffhw.reading.onnx.bidirectional import one_direction
from ffhw.reading.onnx.embedding import embedded
from ffhw.reading.onnx.reversal import reversed_steps
from ffhw.reading.onnx.states import one, taken, transposed, viewed
from ffhw.reading.onnx.values import (
    BATCH,
    DIRECTIONS,
    FEATURES,
    TIME,
    UNIT,
    ZEROS,
    FirstState,
    Flow,
    Rule,
    Sizes,
    States,
    Value,
    are_zeros,
    sizes_of,
)
from ffhw.reading.onnx.walk import FROM_ZERO, Operator, Walk, picked

# --- axes ------------------------------------------------------------------------------------------------------------


def transpose(walk: Walk, operator: Operator, x: Value) -> list[Value]:
    """Axes in another order."""
    if isinstance(x, States):
        return [transposed(operator, x, operator.attributes.get("perm", []))]
    if not isinstance(x, Flow):
        return [x]
    perm = operator.attributes.get("perm", list(range(len(x.axes)))[::-1])
    if sorted(perm) != list(range(len(x.axes))):
        raise operator.refuse(f"has perm={perm} for {len(x.axes)} axes")
    return [dataclasses.replace(x, axes=tuple(x.axes[axis] for axis in perm))]


def squeeze(walk: Walk, operator: Operator, x: Value, axes: Value | None = None) -> list[Value]:
    """Axes of size 1 taken away."""
    if isinstance(x, States):
        walk.take(operator, x)
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
    if isinstance(x, States):
        walk.take(operator, x)
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
    if are_zeros(x) and isinstance(x, FirstState):
        return [x]
    chosen = sizes_of(index)
    if chosen is None or not all(isinstance(n, int) for n in chosen):
        raise operator.refuse("must take constant places")
    if isinstance(x, FirstState) and len(chosen) == 1:
        return [x]
    if isinstance(x, Sizes):
        return [Sizes(tuple(x.entries[int(n)] for n in chosen))]
    if not isinstance(x, Flow | States) or len(chosen) != 1:
        raise operator.refuse("must take one place of an axis")
    place, kept = int(chosen[0]), isinstance(index, np.ndarray) and index.ndim == 1
    if isinstance(x, States):
        return [taken(walk, operator, x, axis, one(place), kept)]
    return [picked(walk, operator, x, x.axis(axis), place, kept)]


def slices(walk: Walk, operator: Operator, x: Value, *bounds: Value | None) -> list[Value]:
    """The last step, one direction, one layer's states, all of an axis, all steps in reverse; some of some sizes."""
    # before opset 10 bounds were attributes
    given = bounds or tuple(
        np.array(operator.attributes[name], np.int64) if name in operator.attributes else None
        for name in ("starts", "ends", "axes")
    )
    starts, ends, axes, steps = (sizes_of(v) if v is not None else None for v in [*given, None, None, None, None][:4])
    if starts is None or ends is None:
        raise operator.refuse("must have constant bounds")
    axes = axes or tuple(range(len(starts)))
    steps = steps or (1,) * len(starts)
    if isinstance(x, FirstState) and (are_zeros(x) or set(steps) == {1}):
        return [x]
    if isinstance(x, Sizes) and len(starts) == 1:
        return [Sizes(x.entries[int(starts[0]) : int(ends[0]) : int(steps[0])])]
    if not isinstance(x, Flow | States):
        raise operator.refuse("slices what is no data")
    value: Value = x
    for start, end, axis, step in (map(int, entry) for entry in zip(starts, ends, axes, steps, strict=True)):
        if isinstance(value, States):
            value = taken(walk, operator, value, axis, slice(start, end, step), kept=True)
        elif isinstance(value, Flow):
            value = _sliced(walk, operator, value, axis, slice(start, end, step))
    return [value]


def _sliced(walk: Walk, operator: Operator, flow: Flow, axis: int, part: slice) -> Flow:
    """A part of an axis: all of it, one place, or all steps in reverse."""
    start, end, step = part.start, part.stop, part.step
    place = flow.axis(axis)
    letter, size = flow.axes[place], flow.shape[place]
    many = size if isinstance(size, int) else flow.fixed.get(letter)
    # a number of steps that the file does not fix is less than any that means "to the end"
    chosen = range(many or 1 << 30)[part]
    whole = chosen == range(many or 1 << 30) and (many or end >= 1 << 30)
    if whole:
        return flow
    if letter == TIME and step == -1 and start == -1 and (len(chosen) == many or end < -(1 << 30)):
        return reversed_steps(walk, operator, flow)
    if letter == FEATURES and step == 1:
        found = one_direction(walk, flow, chosen)
        if found is not None:
            return found
    if step == 1 and ((start == -1 and end >= 1 << 30) or end - start == 1):
        return picked(walk, operator, flow, place, start, kept=True)
    raise operator.refuse(f"takes {start}:{end}:{step} of axis {axis}, which has no hardware")


def reshape(walk: Walk, operator: Operator, x: Value, shape: Value) -> list[Value]:
    """Directions and features in one axis; batch and time in one, and apart again."""
    wanted = sizes_of(shape)
    if isinstance(x, FirstState):
        return [x]
    if isinstance(x, Sizes):
        return [x]
    if isinstance(x, States) and wanted is not None:
        return [viewed(operator, x, wanted)]
    if not isinstance(x, Flow) or wanted is None:
        raise operator.refuse("must have a shape that is known, or made of the input's")
    for letters in _regrouped(x.axes):
        sizes = dataclasses.replace(x, axes=letters).shape
        if "df" in letters:
            sizes = tuple(
                x.size * x.directions if letter == "df" else n for letter, n in zip(letters, sizes, strict=True)
            )
        if len(sizes) == len(wanted) and all(
            x.is_size(n, size) or (n == 0 and place < len(x.axes) and letters[place] == x.axes[place])
            for place, (n, size) in enumerate(zip(wanted, sizes, strict=True))
        ):
            if "df" in letters:
                return [_side_by_side(x, tuple(FEATURES if letter == "df" else letter for letter in letters))]
            return [dataclasses.replace(x, axes=letters)]
    raise operator.refuse(f"turns {list(x.shape)} into {list(wanted)}, which is not understood")


def _side_by_side(x: Flow, axes: tuple[str, ...]) -> Flow:
    """Directions and features in one axis."""
    return dataclasses.replace(x, axes=axes, size=x.size * x.directions, directions=1)


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
    if axes[0] == DIRECTIONS:
        # one layer's h_n with an axis for layers
        found.append((UNIT, *axes))
    return found


def flatten(walk: Walk, operator: Operator, x: Value) -> list[Value]:
    """A batch and features as they are; both directions' final states side by side."""
    if isinstance(x, Flow) and operator.attributes.get("axis", 1) == 1:
        rest = tuple(axis for axis in x.axes if axis != UNIT)
        if rest == (BATCH, FEATURES):
            return [dataclasses.replace(x, axes=rest)]
        if rest == (BATCH, DIRECTIONS, FEATURES):
            return [_side_by_side(x, (BATCH, FEATURES))]
    raise operator.refuse("lays out steps flat, which has no hardware")


# --- sizes and constants ---------------------------------------------------------------------------------------------


def shape_of(walk: Walk, operator: Operator, x: Value) -> list[Value]:
    """The sizes of the data."""
    start, end = operator.attributes.get("start", 0), operator.attributes.get("end")
    if isinstance(x, Flow):
        return [Sizes(x.shape[start:end])]
    if isinstance(x, np.ndarray):
        return [np.array(x.shape[start:end], np.int64)]
    if isinstance(x, Sizes):
        return [np.array([len(x.entries)], np.int64)]
    raise operator.refuse("asks for a shape that is not known")


def zeros(walk: Walk, operator: Operator, shape: Value) -> list[Value]:
    """Zeros of any shape."""
    value = operator.attributes.get("value")
    if isinstance(value, np.ndarray) and value.any():
        raise operator.refuse(f"makes other numbers than zeros; if they are a first state: {FROM_ZERO}")
    return [ZEROS]


def expand(walk: Walk, operator: Operator, x: Value, shape: Value) -> list[Value]:
    """A first state, for each sequence of a batch."""
    if isinstance(x, FirstState):
        return [x]
    if not are_zeros(x):
        raise operator.refuse(f"spreads other numbers than zeros; if they are a first state: {FROM_ZERO}")
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

"""Keras layers that change how maps lie, not what they are."""

from __future__ import annotations

from typing import Any

from ffhw.errors import InputError
from ffhw.layers.description import Described, Flat, KerasClass, Option, Padding, only


def _flatten(described: Described) -> Flat:
    described.expect_arrays(0)
    if described.given.each_step:
        raise InputError(
            f"layer {described.name!r}: Flatten would join the steps of a sequence; use TimeDistributed(Flatten())"
        )
    return Flat(described.name)


def _is_padding(value: Any) -> bool:
    axes = value if isinstance(value, list) else []
    pairs = [axis for axis in axes if isinstance(axis, list) and len(axis) == 2]
    return len(pairs) == len(axes) == 3 and all(type(n) is int and 0 <= n <= 1 << 12 for axis in pairs for n in axis)


def _zeros(described: Described) -> Padding:
    described.expect_arrays(0)
    if described.rank != 5:
        raise described.refuse("padding", "needs sequences of maps [batch, time, rows, columns, channels]")
    steps, rows, columns = (tuple(axis) for axis in described.options["padding"])
    return Padding(described.name, steps, rows, columns)


_LAST = {"data_format": only("channels_last", None)}
KERAS = (
    KerasClass("Flatten", _LAST, _flatten, takes_maps=True, each_step=True),
    KerasClass(
        "ZeroPadding3D",
        {**_LAST, "padding": Option(_is_padding, "must be two whole numbers for each of three axes", [[1, 1]] * 3)},
        _zeros,
        takes_maps=True,
    ),
)

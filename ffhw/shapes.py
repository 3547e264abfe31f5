"""The shape of JSON data: which keys there must be, and of which types."""

from __future__ import annotations

from typing import Any

from ffhw.errors import InputError

# No figure of a network, a design or a device is larger.
MOST = 1e18


def check_shape(value: Any, shape: Any, what: str) -> None:
    """Refuse JSON data of another shape.

    Parameters
    ----------
    shape: a type; a list of one shape, for all entries, None for any; a dict of a shape a key, or ``{str: shape}``
        for any keys; a key that ends in ``?`` may be missing. Further keys are left alone. ``float`` takes whole
        numbers as well, and finite ones only.

    Raises
    ------
    InputError: says where and what was expected.
    """
    if shape is None:
        return
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            raise InputError(f"{what} must be a JSON object")
        if str in shape:
            for key, entry in value.items():
                check_shape(entry, shape[str], f"{what}: {str(key)[:40]}")
            return
        for name, inner in shape.items():
            key = name.removesuffix("?")
            if key not in value and key != name:
                continue
            if key not in value:
                raise InputError(f"{what} has no {key}")
            check_shape(value[key], inner, f"{what}: {key}")
    elif isinstance(shape, list):
        if not isinstance(value, list):
            raise InputError(f"{what} must be a list")
        for number, entry in enumerate(value):
            check_shape(entry, shape[0], f"{what}: entry {number}")
    else:
        types = (int, float) if shape is float else (shape,)
        if not isinstance(value, types) or (isinstance(value, bool) and shape is not bool):
            raise InputError(f"{what} must be of type {shape.__name__}, not {type(value).__name__}")
        if shape in (int, float) and not abs(value) < MOST:
            raise InputError(f"{what} must be a finite number, not {str(value)[:40]}")

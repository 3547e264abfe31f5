"""Keras layers that scale and shift each element: they fold into the weights of a neighbour, exactly in floats.

BatchNormalization   gamma (v - mean) / sqrt(variance + epsilon) + beta
Normalization        (v - mean) / max(sqrt(variance), 1e-7), or its inverse
Rescaling            scale v + offset
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ffhw.layers.base import Floats
from ffhw.layers.description import (
    FLAG,
    FLAG_ON,
    NUMBER,
    UNUSED,
    Affine,
    Described,
    KerasClass,
    Option,
    only,
    training_options,
)

# Keras' own floor under a standard deviation.
_LEAST_DEVIATION = 1e-7


def _is_numbers(value: Any) -> bool:
    try:
        return value is None or bool(np.isfinite(np.asarray(value, dtype=np.float64)).all())
    except (TypeError, ValueError):
        return False


NUMBERS = Option(_is_numbers, "must be a number or a list of numbers", None)


def _each(described: Described, option: str) -> Floats:
    """An option as one number an element, ``[D]``."""
    value = np.asarray(described.options[option], dtype=np.float64)
    *others, last = value.shape or (1,)
    if any(size != 1 for size in others) or last not in (1, described.inputs) or value.ndim > described.rank:
        # Keras would spread it along time, or along the batch
        raise described.refuse(option, f"must be one number, or one for each of {described.inputs} elements")
    return np.broadcast_to(value.reshape(-1), described.inputs).astype(np.float64)


def _affine(described: Described, scale: Floats, offset: Floats) -> Affine:
    """The same scale and offset at every place of maps."""
    return Affine(described.name, described.of_elements(scale), described.of_elements(offset))


def _batch_normalization(described: Described) -> Affine:
    described.last_axis()
    options, d = described.options, described.inputs
    stored = [name for name, there in (("gamma", options["scale"]), ("beta", options["center"])) if there]
    described.expect_arrays(len(stored) + 2)
    arrays = {name: described.array(f"vars/{n}", d) for n, name in enumerate([*stored, "mean", "variance"])}
    if (arrays["variance"] < 0).any():
        raise described.refuse("moving_variance", "must not be negative")
    scale = arrays.get("gamma", np.ones(d)) / np.sqrt(arrays["variance"] + float(options["epsilon"]))
    offset = arrays.get("beta", np.zeros(d)) - arrays["mean"] * scale
    return _affine(described, scale, offset)


def _normalization(described: Described) -> Affine:
    # no axis at all: one mean and one variance of everything
    one = described.options["axis"] in ([], None)
    if not one:
        described.last_axis()
    given = described.options["mean"] is not None
    if given != (described.options["variance"] is not None):
        raise described.refuse("variance", "must be given where mean is, and the other way round")
    described.expect_arrays(0 if given else 3)
    d = described.inputs
    shape = () if one else (d,)
    mean = _each(described, "mean") if given else np.broadcast_to(described.array("vars/0", *shape), d)
    variance = _each(described, "variance") if given else np.broadcast_to(described.array("vars/1", *shape), d)
    if (variance < 0).any():
        raise described.refuse("variance", "must not be negative")
    deviation = np.maximum(np.sqrt(variance), _LEAST_DEVIATION)
    if described.options["invert"]:
        return _affine(described, deviation, mean)
    return _affine(described, 1 / deviation, -mean / deviation)


def _rescaling(described: Described) -> Affine:
    described.expect_arrays(0)
    return _affine(described, _each(described, "scale"), _each(described, "offset"))


_RUNNING = ("momentum", "renorm_momentum", "synchronized", "moving_mean_initializer", "moving_variance_initializer")
KERAS = (
    KerasClass(
        "BatchNormalization",
        {
            "axis": UNUSED,  # judged with the rank
            "epsilon": Option(NUMBER.accepts, NUMBER.expected, 1e-3),
            "center": FLAG_ON,
            "scale": FLAG_ON,
            "renorm": only(False),
            "renorm_clipping": only(None),
            **dict.fromkeys(_RUNNING, UNUSED),
            **training_options("beta", "gamma"),
        },
        _batch_normalization,
        takes_maps=True,
    ),
    KerasClass(
        "Normalization",
        {"axis": UNUSED, "invert": FLAG, "mean": NUMBERS, "variance": NUMBERS},
        _normalization,
        takes_maps=True,
    ),
    KerasClass("Rescaling", {"scale": NUMBERS, "offset": NUMBERS}, _rescaling, takes_maps=True),
)

"""Keras layers that are an activation and nothing else: it joins the layer before it."""

from __future__ import annotations

from ffhw.layers.dense import ACTIVATIONS
from ffhw.layers.description import UNUSED, Activation, Described, KerasClass, one_of, only


def _activation(described: Described) -> Activation:
    return Activation(described.name, described.options["activation"])


def _relu(described: Described) -> Activation:
    return Activation(described.name, "relu")


def _softmax(described: Described) -> Activation:
    described.last_axis()
    return Activation(described.name, "softmax")


KERAS = (
    KerasClass("Activation", {"activation": one_of(ACTIVATIONS)}, _activation, each_step=True, takes_maps=True),
    KerasClass(
        "ReLU",
        {"max_value": only(None), "negative_slope": only(0.0, 0, None), "threshold": only(0.0, 0, None)},
        _relu,
        each_step=True,
        takes_maps=True,
    ),
    KerasClass("Softmax", {"axis": UNUSED}, _softmax),
)

"""Keras layers that do nothing once training is over, or that only tell where padding is."""

from __future__ import annotations

from ffhw.layers.description import NUMBER, UNUSED, Described, KerasClass, Mask


def _nothing(described: Described) -> None:
    described.expect_arrays(0)


def _masking(described: Described) -> Mask:
    return Mask(described.name, float(described.options["mask_value"]))


def _random(described: Described) -> None:
    """Dropout and noise keep the state of a random generator; older Keras versions do not."""


KERAS = (
    KerasClass("Masking", {"mask_value": NUMBER}, _masking),
    KerasClass(
        "Dropout", {"rate": UNUSED, "seed": UNUSED, "noise_shape": UNUSED}, _random, each_step=True, takes_maps=True
    ),
    KerasClass("SpatialDropout1D", {"rate": UNUSED, "seed": UNUSED}, _random),
    KerasClass("GaussianNoise", {"stddev": UNUSED, "seed": UNUSED}, _random, each_step=True, takes_maps=True),
    KerasClass("GaussianDropout", {"rate": UNUSED, "seed": UNUSED}, _random, each_step=True, takes_maps=True),
    KerasClass("Identity", {}, _nothing, each_step=True, takes_maps=True),
    KerasClass("ActivityRegularization", {"l1": UNUSED, "l2": UNUSED}, _nothing, each_step=True, takes_maps=True),
)

"""From the parts of a description to a float network: activations, scales and masks join the layers beside them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ffhw.errors import InputError
from ffhw.layers.base import FloatLayer
from ffhw.layers.description import Activation, Affine, Mask, Part
from ffhw.layers.rhythm import Rhythm
from ffhw.model.floatnet import FloatNetwork


def assemble(parts: Iterable[FloatLayer | Part]) -> FloatNetwork:
    """The network of layers, with all that stands beside them folded in; its name is still to come.

    Raises
    ------
    InputError: something has no place in hardware.
    """
    layers: list[FloatLayer] = []
    scaling: Affine | None = None  # waits for the layer behind it
    mask: Mask | None = None
    for part in parts:
        if isinstance(part, Mask):
            if layers or scaling or mask:
                raise InputError(f"layer {part.name!r}: Masking is supported once, directly at the input")
            mask = part
        elif isinstance(part, Affine):
            scaling = _scaled(layers, scaling, part)
        elif isinstance(part, Activation):
            _activate(layers, scaling, part)
        elif isinstance(part, FloatLayer):
            if scaling is not None:
                behind = part.scale_behind(scaling.scale, scaling.offset)
                if behind is None:
                    part = part.input_scaled(scaling.name, scaling.scale, scaling.offset)
                scaling = Affine(scaling.name, *behind) if behind else None
            layers.append(part)
    if scaling is not None and (np.any(scaling.scale != 1) or np.any(scaling.offset)):
        what = "a scale at the output, as of centered states"
        raise InputError(f"layer {scaling.name!r}: {what}, needs a layer behind it, such as Dense")
    for layer in layers[:-1]:
        if layer.head == "softmax":
            raise InputError(f"layer {layer.name!r}: softmax is supported at the output only")
    for layer in layers:
        inside = (layer.input_exponents and layer is not layers[0], layer.output_exponents and layer is not layers[-1])
        if any(inside):
            raise InputError(f"layer {layer.name!r}: channels have scales of their own at inputs and outputs only")
    if mask is not None:
        _check_mask(mask, layers)
    return FloatNetwork("", tuple(layers), mask_value=mask.value if mask else None)


def _check_mask(mask: Mask, layers: list[FloatLayer]) -> None:
    """Refuse a mask that Keras drops on the way to an answer of a whole sequence: padding would count in it."""
    held = False  # whether padding repeats the last step
    dropped: FloatLayer | None = None
    for layer in layers:
        if dropped is None and layer.counts_padding(held):
            dropped = layer
        if layer.rhythm.once and dropped is not None:
            raise InputError(
                f"layer {dropped.name!r}: Keras takes the mask of layer {mask.name!r} no further, so that padding "
                "counts as data from here on, which hardware does not see: train without the mask"
            )
        if layer.rhythm.once:
            return
        held = (held or layer.holds) and layer.rhythm == Rhythm()


def _scaled(layers: list[FloatLayer], waiting: Affine | None, part: Affine) -> Affine | None:
    """Fold a scale into the layer before it; what is left to the layer behind it."""
    if waiting is not None:
        # s (s0 v + o0) + o
        return Affine(part.name, part.scale * waiting.scale, part.scale * waiting.offset + part.offset)
    scaled = layers[-1].output_scaled(part.scale, part.offset) if layers else None
    if scaled is None:
        return part
    layers[-1] = scaled
    return None


def _activate(layers: list[FloatLayer], scaling: Affine | None, part: Activation) -> None:
    """Give the layer before an activation that activation."""
    if part.activation == "linear":
        return
    if not layers or scaling is not None:
        raise InputError(f"layer {part.name!r}: {part.activation} is supported after a linear Dense layer only")
    layers[-1] = layers[-1].activated(part.name, part.activation)

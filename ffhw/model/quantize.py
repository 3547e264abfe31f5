"""From a trained float network and calibration data to a quantized network."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ffhw.layers.base import Layer
from ffhw.model import floatnet
from ffhw.model.floatnet import FloatNetwork
from ffhw.model.network import Network
from ffhw.numbers.scales import Precision, Widths


def quantize(
    network: FloatNetwork,
    x: ArrayLike,
    lengths: ArrayLike | None = None,
    widths: Widths | None = None,
    method: str = "error",
    argmax: bool = False,
) -> Network:
    """Quantized network, its formats calibrated on data.

    Parameters
    ----------
    x: calibration inputs ``[batch, time, D]``, real numbers (token numbers before an embedding).
    lengths: steps of each sequence, all if None.
    widths: bits of weights, states and inputs.
    method: how scales are chosen, see :func:`ffhw.numbers.scales.choose_frac`.
    argmax: end in a class number instead of the last layer's outputs.

    Raises
    ------
    InputError: data that do not fit the network, or a network that does not fit the integer arithmetic.
    """
    precision = Precision(widths or Widths(), method)
    given = floatnet.forward(network, x, lengths)
    if argmax:
        *before, last = network.layers
        network = dataclasses.replace(network, layers=(*before, last.classifier()))
    layers: list[Layer] = []
    fmt = network.layers[0].input_format(real_steps(x, lengths), precision)
    for layer, outputs in zip(network.layers, given, strict=True):
        layers.append(layer.quantize(fmt, outputs, precision))
        fmt = layers[-1].output
    return Network(network.name, tuple(layers), network.mask_value)


def real_steps(x: ArrayLike, lengths: ArrayLike | None) -> Any:
    """Inputs without what lies past each sequence's end: ``[steps, D]``, or ``x`` itself where all steps count."""
    values = np.asarray(x, dtype=np.float64)
    if lengths is None:
        return values
    return values[np.arange(values.shape[1]) < np.asarray(lengths)[:, None]]

"""From a trained float network and calibration data to a quantized network."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ffhw.errors import InputError
from ffhw.layers.base import Calibration, FloatLayer, Layer
from ffhw.model import floatnet
from ffhw.model.floatnet import FloatNetwork
from ffhw.model.network import Network
from ffhw.numbers.scales import MAX_EXPONENT, PERCENTILE, Precision, Widths, channel_scales

# Channels that differ by less than this many bits share a scale.
LEAST_EXPONENT = 3


def quantize(
    network: FloatNetwork,
    x: ArrayLike,
    lengths: ArrayLike | None = None,
    widths: Widths | None = None,
    method: str = "error",
    argmax: bool = False,
    max_steps: int | None = None,
    precision: Precision | None = None,
    like: Network | None = None,
    seen: FloatNetwork | None = None,
) -> Network:
    """Quantized network, its formats calibrated on data.

    Channels of inputs and of linear outputs that differ eightfold or more in size get a power of two of their own,
    which host and weights share; hardware is the same.

    Parameters
    ----------
    x: calibration inputs ``[batch, time, D]``, real numbers (token numbers before an embedding).
    lengths: steps of each sequence, all if None.
    widths: bits of weights, states and inputs.
    method: how scales are chosen, see :func:`ffhw.numbers.scales.choose_frac`.
    argmax: end in a class number instead of the last layer's outputs.
    max_steps: of the longest sequence that the network must take, where that is a matter of hardware; by default that
        of the data, rounded up to a power of two.
    precision: what chooses the scales, in place of ``widths`` and ``method``.
    like: take its powers of two for the channels of inputs and outputs.
    seen: the network whose layers' outputs choose the formats, where that is another than ``network`` itself: the one
        on integers that its weights were trained as. Of few bits it gives other numbers than its weights do in floats.
        Channels keep the powers of two that they have there.

    Raises
    ------
    InputError: data that do not fit the network, or a network that does not fit the integer arithmetic.
    """
    precision = precision or Precision(widths or Widths(), method)
    method = precision.method
    given = floatnet.forward(seen or network, x, lengths)
    inputs = np.asarray(x, dtype=np.float64)
    length = np.full(len(inputs), inputs.shape[1]) if lengths is None else np.asarray(lengths)
    first, *between = network.layers
    trained = [first, *between]
    kept_in, kept_out = (like.input_exponents, like.output_exponents) if like else (None, None)
    if seen is not None:
        kept_in, kept_out = seen.layers[0].input_exponents, seen.layers[-1].output_exponents
    input_exponents: tuple[int, ...] = ()
    output_exponents: tuple[int, ...] = ()
    if argmax:
        trained[-1] = trained[-1].classifier()
    elif trained[-1].head == "values":
        exponents = _settled(trained[-1].output_exponents, kept_out, given[-1], method, network.maps)
        output_exponents, trained[-1], given[-1] = _even_outputs(trained[-1], given[-1], exponents)
    if not first.tokens:
        real = real_steps(inputs, lengths)
        exponents = _settled(first.input_exponents, kept_in, real, method, network.given_maps)
        input_exponents, trained[0], inputs = _even_inputs(trained[0], inputs, exponents)
    layers: list[Layer] = []
    fmt = trained[0].input_format(real_steps(inputs, lengths), precision)
    most = max_steps or room_for(int(length.max()))
    for layer, outputs in zip(trained, given, strict=True):
        precision.within(layer.name)
        layers.append(layer.quantize(fmt, Calibration(inputs, length, outputs), precision).bounded(most))
        fmt, inputs = layers[-1].output, outputs
        length, most = layer.rhythm.steps(length), int(layer.rhythm.steps(most))
    return Network(network.name, tuple(layers), network.mask_value, input_exponents, output_exponents)


def room_for(steps: int) -> int:
    """Steps that a network should be able to take where data have so many: the next power of two."""
    return 1 << (steps - 1).bit_length()


def channel_exponents(values: ArrayLike, method: str, maps: tuple[int, int] | None = None) -> tuple[int, ...]:
    """Powers of two that bring the channels of ``values [..., D]`` to one size; empty where they differ little.

    One scale for all channels leaves a channel that is 2^e times smaller with e bits less.

    Parameters
    ----------
    maps: rows and columns, where a channel is a map: all its pixels have one exponent.
    """
    v = np.abs(np.asarray(values, dtype=np.float64))
    if maps is not None:
        pixels = maps[0] * maps[1]
        return pixels * channel_exponents(v.reshape(*v.shape[:-1], pixels, -1), method)
    share = PERCENTILE if method == "percentile" else 100.0
    peaks = np.percentile(v.reshape(-1, v.shape[-1]), share, axis=0)
    if not peaks.any():
        return ()
    ratios = np.where(peaks > 0, peaks.max() / np.where(peaks > 0, peaks, 1.0), 1.0)
    exponents = np.minimum(np.floor(np.log2(ratios)).astype(int), MAX_EXPONENT)
    exponents[exponents < LEAST_EXPONENT] = 0
    return tuple(int(e) for e in exponents) if exponents.any() else ()


def _settled(
    trained: tuple[int, ...] | None,
    like: tuple[int, ...] | None,
    values: Any,
    method: str,
    maps: tuple[int, int] | None,
) -> tuple[int, ...]:
    """Exponents of the channels: those that training has settled, or those of another network; else chosen."""
    found = trained if trained is not None else like
    return channel_exponents(values, method, maps) if found is None else found


def _even_inputs(layer: FloatLayer, inputs: Any, exponents: tuple[int, ...]) -> tuple[tuple[int, ...], FloatLayer, Any]:
    """The first layer for inputs whose small channels come enlarged: exponents, the layer, the inputs."""
    if not exponents:
        return (), layer, inputs
    try:
        return exponents, for_inputs(layer, exponents), inputs * channel_scales(exponents)
    except InputError:  # a kind that cannot take it over has one scale for all
        return (), layer, inputs


def _even_outputs(
    layer: FloatLayer, outputs: Any, exponents: tuple[int, ...]
) -> tuple[tuple[int, ...], FloatLayer, Any]:
    """The last layer with its small channels enlarged: exponents, the layer, the outputs."""
    scaled = for_outputs(layer, exponents) if exponents else None
    return ((), layer, outputs) if scaled is None else (exponents, scaled, outputs * channel_scales(exponents))


def for_inputs(layer: FloatLayer, exponents: tuple[int, ...]) -> FloatLayer:
    """The layer for inputs whose channels come enlarged by these powers of two; itself where there are none.

    Raises
    ------
    InputError: this kind of layer cannot take it over.
    """
    scale = channel_scales(exponents)
    return layer.input_scaled("input", 1 / scale, np.zeros_like(scale)) if exponents else layer


def for_outputs(layer: FloatLayer, exponents: tuple[int, ...]) -> FloatLayer | None:
    """The layer that enlarges its outputs by these powers of two; itself where there are none, None if it cannot."""
    scale = channel_scales(exponents)
    return layer.output_scaled(scale, np.zeros_like(scale)) if exponents else layer


def real_steps(x: ArrayLike, lengths: ArrayLike | None) -> Any:
    """Inputs without what lies past each sequence's end: ``[steps, D]``, or ``x`` itself where all steps count."""
    values = np.asarray(x, dtype=np.float64)
    if lengths is None:
        return values
    return values[np.arange(values.shape[1]) < np.asarray(lengths)[:, None]]

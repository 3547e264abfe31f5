"""From a trained float network and calibration data to a quantized network.

Every scale is a power of two, chosen tensor by tensor: by *range*, the finest grid on which nothing saturates, or by
*error*, the grid of least mean square error, which may saturate a few outliers to resolve all others better.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ffhw import floatnet
from ffhw.errors import InputError
from ffhw.fixedpoint import Fixed, Format, Index, Unorm
from ffhw.floatnet import FloatDense, FloatEmbedding, FloatJK, FloatNetwork
from ffhw.layers import DenseLayer, EmbeddingLayer, JKLayer, Layer
from ffhw.network import Network

METHODS = ("error", "range")
# Grids of the least-error search: from the range's grid to this many bits finer.
_FINER = 4
# A tensor of zeros, or of denormal numbers, has no useful scale of its own.
_FRAC_LIMIT = 40


@dataclasses.dataclass(frozen=True)
class Widths:
    """Bits of each kind of number; ``bits`` is what the others default to.

    Raises
    ------
    InputError: a width is not from 1 to 16.
    """

    bits: int = 8
    weight_bits: int | None = None
    state_bits: int | None = None
    input_bits: int | None = None

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is None:
                object.__setattr__(self, field.name, self.bits)
            elif isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 16:
                option = "--" + field.name.replace("_", "-")
                raise InputError(f"{option} must be from 1 to 16, not {value!r}")


def choose_frac(values: ArrayLike, bits: int, method: str = "error") -> int:
    """Fraction bits of the ``Fixed(bits, frac)`` that represents ``values`` best.

    Parameters
    ----------
    values: any shape; finite.
    method: ``range``: the most fraction bits with which no value saturates by more than half a step;
        ``error``: of that grid and the four next finer ones, the one of least mean square error.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, not {method!r}")
    v = np.asarray(values, dtype=np.float64).ravel()
    peak = float(np.abs(v).max(initial=0.0))
    if peak == 0.0:
        return bits - 1
    # peak lies in [2^(e-1), 2^e), so that the finest grid it fits is one of three
    frac = bits - 1 - int(np.frexp(peak)[1])
    frac = max(f for f in (frac - 1, frac, frac + 1) if _fits(v, Fixed(bits, f)) or f < frac)
    frac = min(frac, _FRAC_LIMIT)
    if method == "range":
        return frac
    errors = [_square_error(v, Fixed(bits, f)) for f in range(frac, frac + _FINER + 1)]
    return min(frac + int(np.argmin(errors)), _FRAC_LIMIT)


def _fits(v: Any, fmt: Fixed) -> bool:
    """Whether no value saturates by more than the half step that rounding costs anyway."""
    return bool(v.max() < (fmt.max + 0.5) / fmt.scale and v.min() >= (fmt.min - 0.5) / fmt.scale)


def _square_error(v: Any, fmt: Fixed) -> float:
    return float(np.square(fmt.dequantize(fmt.quantize(v)) - v).sum())


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
    method: how scales are chosen, see :func:`choose_frac`.
    argmax: end in a class number instead of the last layer's outputs.

    Raises
    ------
    InputError: data that do not fit the network, or a network that does not fit the integer arithmetic.
    """
    widths = widths or Widths()
    given = floatnet.forward(network, x, lengths)
    layers: list[Layer] = []
    fmt = _input_format(network, x, lengths, widths, method)
    for number, layer in enumerate(network.layers):
        last = number == len(network.layers) - 1
        if isinstance(layer, FloatJK):
            quantized: Layer = _quantize_jk(layer, fmt, widths, method)
        elif isinstance(layer, FloatDense):
            quantized = _quantize_dense(layer, fmt, given[number], widths, method, argmax and last)
        else:
            quantized = _quantize_embedding(layer, fmt, widths, method)
        layers.append(quantized)
        fmt = quantized.output
    if argmax and not isinstance(network.layers[-1], FloatDense):
        raise InputError("--argmax needs a Dense layer at the output")
    return Network(network.name, tuple(layers))


def _input_format(network: FloatNetwork, x: ArrayLike, lengths: Any, widths: Widths, method: str) -> Format:
    first = network.layers[0]
    if isinstance(first, FloatEmbedding):
        if len(first.table) > 1 << 16:
            raise InputError(f"layer {first.name!r}: {len(first.table)} tokens, at most {1 << 16} are supported")
        return Index(len(first.table))
    values = np.asarray(x, dtype=np.float64)
    if lengths is not None:
        values = values[np.arange(values.shape[1]) < np.asarray(lengths)[:, None]]
    assert widths.input_bits is not None
    return Fixed(widths.input_bits, choose_frac(values, widths.input_bits, method))


def _quantize_weights(values: Any, source: Format, bits: int, method: str) -> tuple[Any, int]:
    """Integer weights on inputs of format ``source``, and their fraction bits.

    A product with a Unorm code q of value q / M is worth ``w * q / M``; storing ``w * 2^b / M`` on the grid leaves
    ``W * q * 2^-(frac + b)``, with no division anywhere.
    """
    scaled = np.asarray(values) * (2.0**source.bits / source.max if isinstance(source, Unorm) else 1.0)
    frac = choose_frac(scaled, bits, method)
    return Fixed(bits, frac).quantize(scaled), frac


def _quantize_bias(values: Any, frac: int) -> Any:
    """Bias codes at the accumulator's own resolution."""
    return np.floor(np.asarray(values) * 2.0**frac + 0.5).astype(np.int64)


def _quantize_jk(layer: FloatJK, source: Format, widths: Widths, method: str) -> JKLayer:
    assert widths.weight_bits is not None
    assert widths.state_bits is not None
    state = Unorm(widths.state_bits)
    wx, frac_x = _quantize_weights(layer.weights_x, source, widths.weight_bits, method)
    wh, frac_h = _quantize_weights(layer.weights_h, state, widths.weight_bits, method)
    quantized = JKLayer(
        name=layer.name,
        input=source,
        state=state,
        weight_bits=widths.weight_bits,
        frac_x=frac_x,
        frac_h=frac_h,
        weights_x=wx,
        weights_h=wh,
        bias=np.zeros_like(layer.bias, dtype=np.int64),
        return_sequences=layer.return_sequences,
    )
    return dataclasses.replace(quantized, bias=_quantize_bias(layer.bias, quantized.acc_frac))


def _quantize_dense(
    layer: FloatDense, source: Format, outputs: Any, widths: Widths, method: str, argmax: bool
) -> DenseLayer:
    assert widths.weight_bits is not None
    weights, frac = _quantize_weights(layer.weights, source, widths.weight_bits, method)
    softmax = layer.activation == "softmax"
    activation = "linear" if softmax else layer.activation
    output: Format
    if argmax:
        activation, output = "argmax", Index(len(weights))
    elif activation == "sigmoid":
        output = Unorm(widths.bits)
    else:
        output = Fixed(widths.bits, choose_frac(outputs, widths.bits, method))
    quantized = DenseLayer(
        name=layer.name,
        input=source,
        output=output,
        activation=activation,
        weight_bits=widths.weight_bits,
        frac=frac,
        weights=weights,
        bias=np.zeros(len(weights), dtype=np.int64),
        softmax=softmax and not argmax,
    )
    return dataclasses.replace(quantized, bias=_quantize_bias(layer.bias, quantized.acc_frac))


def _quantize_embedding(layer: FloatEmbedding, source: Format, widths: Widths, method: str) -> EmbeddingLayer:
    assert widths.input_bits is not None
    output = Fixed(widths.input_bits, choose_frac(layer.table, widths.input_bits, method))
    return EmbeddingLayer(layer.name, source, output, output.quantize(layer.table))

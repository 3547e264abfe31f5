"""A layer that was trained as an integer one: its formats are settled, its codes are there.

What :class:`ffhw.training.qat.layer.Quantized` saves. The layer it becomes is the one that training ran, code by code;
as a float layer it gives what these codes are worth.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ffhw.errors import InputError
from ffhw.layers.base import Calibration, FloatLayer, Floats, Head, Ints, Layer
from ffhw.layers.description import FLAG, Described, KerasClass, Mask, Option
from ffhw.layers.rhythm import Rhythm
from ffhw.numbers.formats import Format, Index, finite
from ffhw.numbers.grids import weights_of
from ffhw.numbers.scales import MAX_EXPONENT, Precision, channel_scales

_MOST_NUMBERS = 1 << 28
# Bits by which a learned scale may leave the calibrated one, either way.
SPAN = 3


def _is_shape(shape: Any) -> bool:
    sound = isinstance(shape, list) and len(shape) <= 4
    return sound and all(type(n) is int and n >= 0 for n in shape) and math.prod(shape) <= _MOST_NUMBERS


MAPPING = Option(lambda v: isinstance(v, dict), "must be a JSON object", {})
SHAPES = Option(lambda v: isinstance(v, dict) and all(map(_is_shape, v.values())), "must be shapes by name", {})
EXPONENTS = Option(
    lambda v: isinstance(v, list) and all(type(e) is int and abs(e) <= MAX_EXPONENT for e in v),
    f"must be whole numbers up to {MAX_EXPONENT}",
    [],
)
NAMES = Option(
    lambda v: isinstance(v, list) and all(isinstance(n, str) for n in v) and len(set(v)) == len(v), "must be names", []
)
ROUNDING = Option(lambda v: v is True, "must be true: a layer without rounding is no integer layer", True)


def read_tokens(described: Described) -> tuple[Mask | FloatSettled, ...]:
    """QuantizedTokens layer: as :func:`read`; with ``mask_zero`` token 0 is padding."""
    layer = read(described)
    if not layer.tokens:
        raise InputError(f"layer {described.name!r} takes tokens, its integer layer does not")
    return (Mask(described.name, 0.0), layer) if described.options["mask_zero"] else (layer,)


def read(described: Described) -> FloatSettled:
    """Quantized layer: what its integer layer is, its learned scales, and its numbers in the order of their shapes."""
    fields, shapes = described.options["fields"], described.options["shapes"]
    learned = described.options["learned"]
    stored = [name for name, shape in shapes.items() if 0 not in shape]
    described.expect_arrays(len(stored) + len(learned))
    # the scales first, for Keras saves constants behind all that trains
    found = {name: described.array(f"vars/{n}", *shapes[name]) for n, name in enumerate(stored, len(learned))}
    numbers = {name: found[name] if name in found else np.zeros(shape) for name, shape in shapes.items()}
    exponents = {key: tuple(described.options[key]) for key in ("input_exponents", "output_exponents")}
    scales = {name: described.array(f"vars/{n}") for n, name in enumerate(learned)}
    try:
        layer = with_numbers({**fields, "name": described.name}, numbers, scales)
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(f"layer {described.name!r} does not describe an integer layer: {error}") from None
    for option, size in (("input_exponents", layer.input_size), ("output_exponents", layer.output_size)):
        if len(exponents[option]) not in (0, size):
            raise described.refuse(option, f"must be {size} whole numbers, or none")
    return FloatSettled(layer, numbers, **exponents)


def whole_exponent(trained: ArrayLike) -> int:
    """The exponent that a trained number stands for, counted from the layer's finest scale.

    Raises
    ------
    ValueError: it is not a finite number.
    """
    return int(np.clip(np.floor(finite(trained) + 0.5), -2 * SPAN, 0))


def with_numbers(fields: dict[str, Any], numbers: dict[str, Floats], scales: Mapping[str, Floats]) -> Layer:
    """The integer layer that ``describe`` gave these fields of, with the codes of real numbers on its grids.

    scales: of the grids that training chose, real exponents by name; rounded, they say by how many bits each is finer.

    Raises
    ------
    KeyError, TypeError, ValueError: there is no such layer.
    """
    from ffhw.layers import blank, restored

    shell = blank(fields, {name: array.shape for name, array in numbers.items()})
    if not set(scales) <= set(shell.free_scales):
        raise ValueError(f"its free scales are {', '.join(shell.free_scales)}, not {', '.join(scales)}")
    shell = shell.refined({name: whole_exponent(e) for name, e in scales.items()})
    fields = {**fields, **shell.describe()}
    return restored(fields, {name: shell.grids[name].quantize(array) for name, array in numbers.items()})


@dataclasses.dataclass(frozen=True, eq=False)
class FloatSettled(FloatLayer):
    """The integer layer in real numbers.

    trained: the numbers that its arrays are the codes of, by name. input_exponents, output_exponents: of a network's
    first and last layer, else empty.
    """

    layer: Layer
    trained: dict[str, Floats]
    input_exponents: tuple[int, ...] = ()  # type: ignore[misc]
    output_exponents: tuple[int, ...] = ()  # type: ignore[misc]

    @property
    def kind(self) -> str:  # type: ignore[override]
        """Of the layer."""
        return self.layer.kind

    @property
    def name(self) -> str:  # type: ignore[override]
        """Of the layer."""
        return self.layer.name

    @property
    def settled(self) -> str:  # type: ignore[override]
        """Its widths."""
        layer = self.layer
        weights = getattr(layer, "weight_bits", None)
        return f"{layer.name!r} " + (f"{weights_of(weights)}, " if weights else "") + f"gives {layer.output}"

    @property
    def return_sequences(self) -> bool:  # type: ignore[override]
        """As the layer does."""
        return self.layer.return_sequences

    @property
    def rhythm(self) -> Rhythm:
        """Of the layer."""
        return self.layer.rhythm

    @property
    def tokens(self) -> int:
        """Of the layer."""
        return self.layer.tokens

    @property
    def input_size(self) -> int:
        """Of the layer."""
        return self.layer.input_size

    @property
    def output_size(self) -> int:
        """Of the layer."""
        return self.layer.output_size

    @property
    def head(self) -> Head:
        """Of the layer."""
        return self.layer.head

    @property
    def answers(self) -> int:
        """Of the layer."""
        return self.layer.answers

    def forward(self, x: Floats, length: Ints) -> Floats:  # noqa: D102
        source = self.layer.input
        codes = source.quantize(x * channel_scales(self.input_exponents))
        if isinstance(source, Index) and (codes != x).any():
            raise InputError(f"tokens must be whole numbers from 0 to {source.size - 1}")
        state = np.zeros((len(x), self.layer.state_size), np.int64)
        given = self.layer.run(codes, length, state, trace=False)
        return self.layer.output.dequantize(given.outputs) / channel_scales(self.output_exponents)

    def answer(self, outputs: Floats) -> Floats:  # noqa: D102
        codes = self.layer.output.quantize(outputs * channel_scales(self.output_exponents))
        return self.layer.decode(codes) / channel_scales(self.output_exponents)

    def input_format(self, values: Floats, precision: Precision) -> Format:  # noqa: D102
        return self.layer.input

    def noise(self, rng: np.random.Generator, batch: int, steps: int) -> Floats:  # noqa: D102
        if self.tokens:
            return rng.integers(0, self.tokens, (batch, steps, 1)).astype(np.float64)
        return super().noise(rng, batch, steps)

    def quantize(self, source: Format, data: Calibration, precision: Precision) -> Layer:  # noqa: D102
        if source != self.layer.input:
            raise InputError(f"layer {self.name!r} was trained to take {self.layer.input}, it is given {source}")
        return self.layer

    def classifier(self) -> FloatSettled:  # noqa: D102
        return FloatSettled(self.layer.classifier(), self.trained, self.input_exponents)

    def input_scaled(self, name: str, scale: Floats, offset: Floats) -> FloatSettled:  # noqa: D102
        # 2^exponent of what it is given is part of it
        if offset.any() or not np.array_equal(scale * channel_scales(self.input_exponents), np.ones_like(scale)):
            raise InputError(f"layer {name!r}: its scale cannot join layer {self.name!r}, whose formats are settled")
        return self

    def output_scaled(self, scale: Floats, offset: Floats) -> FloatSettled | None:  # noqa: D102
        settled = np.array_equal(scale, np.ones_like(scale) * channel_scales(self.output_exponents))
        return self if settled and not offset.any() else None

    def unsettled(self, codes: bool) -> FloatLayer:
        """The float layer that these numbers are weights of, its formats still to be chosen.

        codes: take what the codes are worth. Else the numbers that they are the codes of; one beyond its grid counts as
            the grid's end: no more of it was ever trained with.
        """
        from ffhw.layers import of_numbers

        grids, stored = self.layer.grids, self.layer.stored()
        numbers = {
            name: grids[name].dequantize(stored[name]) if codes else grids[name].clip(trained)
            for name, trained in self.trained.items()
        }
        layer = of_numbers(self.layer, numbers)
        if self.input_exponents:
            scale = channel_scales(self.input_exponents)
            layer = layer.input_scaled(self.name, scale, np.zeros_like(scale))
        if self.output_exponents:
            scale = 1 / channel_scales(self.output_exponents)
            layer = layer.output_scaled(scale, np.zeros_like(scale)) or layer
        return layer


_OPTIONS = {
    "fields": MAPPING,
    "shapes": SHAPES,
    "rounding": ROUNDING,
    "learned": NAMES,
    "input_exponents": EXPONENTS,
    "output_exponents": EXPONENTS,
}
KERAS = (
    KerasClass("Quantized", _OPTIONS, read, registered="ffhw>Quantized"),
    KerasClass(
        "QuantizedTokens",
        {**_OPTIONS, "mask_zero": FLAG},
        read_tokens,
        registered="ffhw>QuantizedTokens",
        takes_tokens=True,
    ),
)

"""The Keras layer that trains on integers: any quantized layer, with its weights as real numbers behind their codes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from ffhw.layers import blank, restored, rule
from ffhw.layers.base import Layer
from ffhw.layers.settled import SPAN
from ffhw.layers.weighted import MAX_ACCUMULATOR
from ffhw.numbers.formats import Index
from ffhw.numbers.scales import channel_scales
from ffhw.training.qat.codes import Rounding, float_type
from ffhw.training.qat.scales import Scales, corners


@keras.saving.register_keras_serializable(package="ffhw")
class Quantized(keras.Layer):
    """A quantized layer whose weights train: forward the golden model, backward its smooth counterpart.

    Takes and gives real numbers, each the value of a code: what the layer in front gives lies on its grid already.
    Weights are real numbers too; in each step they are rounded to their codes first. Masks end sequences: what counts
    must come before what does not.

    Input ``[batch, time, D]`` (``[batch, D]`` behind a layer that answers once a sequence); output alike, N for D.

    Parameters
    ----------
    fields: what the integer layer is, as its ``describe`` gives it.
    shapes: of its arrays, by name.
    input_exponents, output_exponents: of a network's first and last layer, see :class:`ffhw.model.network.Network`.
    rounding: False runs the same layer in real numbers, as a float layer would.
    learned: which of the layer's scales train as well, see :mod:`ffhw.training.qat.scales`; ``fields`` are then those
        of the layer at its finest.
    """

    def __init__(
        self,
        fields: dict[str, Any],
        shapes: dict[str, Any],
        input_exponents: Any = (),
        output_exponents: Any = (),
        rounding: bool = True,
        learned: Any = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.fields = {**fields, "name": self.name}
        self.shapes = {name: tuple(shape) for name, shape in shapes.items()}
        self.input_exponents, self.output_exponents = tuple(input_exponents), tuple(output_exponents)
        self.rounding, self.learned = rounding, tuple(learned)
        self.layer = blank(self.fields, self.shapes)
        self.grids = self.layer.grids
        self._run = run_of(self.layer)
        # weights at their lowest code; a bias has no end of its own, and what its sums reach bounds it as well
        lowest = {name: 0 if grid.low <= -MAX_ACCUMULATOR else grid.low for name, grid in self.grids.items()}
        extreme = restored(self.fields, {name: np.full(shape, lowest[name]) for name, shape in self.shapes.items()})
        largest = max(corners(extreme, self.learned), key=lambda layer: layer.largest_number)
        self._type = float_type(self.layer, largest)

    def build(self, input_shape: Any) -> None:
        """Create the weights, a number for each code and one for each learned scale; none for arrays of nothing."""
        middle = keras.initializers.Constant(-SPAN)
        self.exponents = {
            name: self.add_weight(shape=(), initializer=middle, name=f"exponent_{place}")
            for place, name in enumerate(self.learned)
        }
        self.numbers = {
            name: self.add_weight(
                shape=shape,
                initializer="zeros",
                name=name.replace(".", "_"),
                trainable=name not in self.layer.constants,
            )
            for name, shape in self.shapes.items()
            if 0 not in shape
        }
        self.built = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Values of the answers' codes."""
        layer, rounding = self.layer, Rounding(self.rounding)
        lengths = None if mask is None else ops.sum(ops.cast(mask, "int32"), axis=1)
        scales = Scales.of(layer, self.exponents, self._type, rounding)
        codes = {name: self._weight_codes(name, scales, rounding) for name in self.numbers}
        given = self._run(layer, codes, self._input_codes(inputs, scales, rounding), lengths, rounding)
        given = scales.scaled("output", given, up=False)
        values = ops.cast(given / (layer.output.scale * channel_scales(self.output_exponents)), self.compute_dtype)
        return ops.softmax(values) if layer.head == "softmax" else values

    def _weight_codes(self, name: str, scales: Scales, rounding: Rounding) -> Any:
        """An array's codes, with the gradients of the numbers behind them."""
        grid = self.grids[name]
        scaled = ops.cast(self.numbers[name], self._type) * 2.0**grid.frac
        return scales.weight_codes(name, scaled, grid, rounding)

    def _input_codes(self, inputs: Any, scales: Scales, rounding: Rounding) -> Any:
        source = self.layer.input
        if isinstance(source, Index):
            return inputs[..., None] if len(inputs.shape) == 2 else inputs
        scaled = ops.cast(inputs, self._type) * (source.scale * channel_scales(self.input_exponents))
        if not rounding.exact:
            return scaled
        whole = rounding.half_up(scales.scaled("input", scaled))
        return scales.scaled("input", rounding.saturated(whole, float(source.min), float(source.max)), up=False)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The answers that count; None behind a layer that answers once a sequence."""
        if mask is None or not self.layer.return_sequences:
            return None
        rhythm = self.layer.rhythm
        if rhythm.lead == 0 and rhythm.stride == 1:
            return mask
        lengths = ops.sum(ops.cast(mask, "int32"), axis=1)
        answered = (lengths - 1 - rhythm.lead) // rhythm.stride + 1
        return ops.arange(rhythm.steps(mask.shape[1]))[None] < answered[:, None]

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """``[batch, time, N]``, or ``[batch, N]``."""
        steps = list(input_shape[1:2] if len(input_shape) == 3 or isinstance(self.layer.input, Index) else ())
        if steps and not self.layer.return_sequences:
            steps = []
        elif steps and steps[0] is not None:
            steps = [int(self.layer.rhythm.steps(steps[0]))]
        return (input_shape[0], *steps, self.layer.output_size)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {
            **super().get_config(),
            "fields": self.fields,
            "shapes": {name: list(shape) for name, shape in self.shapes.items()},
            "input_exponents": list(self.input_exponents),
            "output_exponents": list(self.output_exponents),
            "rounding": self.rounding,
            "learned": list(self.learned),
        }


def run_of(layer: Layer) -> Callable[..., Any]:
    """How a layer runs, see :mod:`ffhw.training.qat.families`.

    Raises
    ------
    InputError: there is no rule for it, or for a layer inside it.
    """
    for part in layer.parts:
        run_of(part)
    found: Callable[..., Any] = rule("ffhw.training.qat.families", "training on integers", layer, layer.family).run
    return found


@keras.saving.register_keras_serializable(package="ffhw")
class QuantizedTokens(Quantized):
    """A quantized layer that takes tokens ``[batch, time]``; mask_zero: token 0 is padding."""

    def __init__(self, *args: Any, mask_zero: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.mask_zero = mask_zero

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The tokens that count."""
        return ops.not_equal(inputs, 0) if self.mask_zero else None

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {**super().get_config(), "mask_zero": self.mask_zero}

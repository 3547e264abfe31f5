"""What all kinds of layer share: a trained layer in floats, a quantized layer in integers, and what they must answer.

A kind of layer is one file beside this one. It holds a :class:`FloatLayer`, what was trained, and a :class:`Layer`,
what the golden model runs and hardware is built from. The drivers in :mod:`ffhw.model` ask a layer through the methods
below and never for its kind.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from ffhw.errors import InputError
from ffhw.layers.free_scales import FreeScales
from ffhw.layers.rhythm import Rhythm
from ffhw.numbers.formats import Format, format_from_dict
from ffhw.numbers.grids import Grid
from ffhw.numbers.scales import Precision

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
# What a last layer answers: values, a probability of "yes", scores that a softmax orders, or the number of a class.
Head = Literal["values", "sigmoid", "softmax", "argmax"]
_NO_CLASSIFIER = "--argmax needs a Dense layer at the output"


class NetworkError(InputError, ValueError):
    """A network that contradicts itself."""


def require(condition: bool, message: str) -> None:
    """Raise :class:`NetworkError` unless ``condition`` holds."""
    if not condition:
        raise NetworkError(message)


def below(prefix: str, arrays: Mapping[str, Any]) -> dict[str, Any]:
    """The arrays whose names begin with ``prefix.``, by the rest of their names."""
    return {name.removeprefix(f"{prefix}."): array for name, array in arrays.items() if name.startswith(f"{prefix}.")}


class Trace(dict[str, Ints]):
    """Codes inside a layer by signal, each ``[batch, time, N]``; ``trace.h`` is ``trace["h"]``."""

    def __getattr__(self, name: str) -> Ints:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


@dataclasses.dataclass(frozen=True)
class Calibration:
    """What a trained layer sees of the calibration data.

    inputs: ``[batch, time, D]``. length: steps of each sequence. outputs: ``[batch, time or 1, N]``.
    """

    inputs: Floats
    length: Ints
    outputs: Floats


@dataclasses.dataclass(frozen=True)
class Given:
    """What a quantized layer gives for a batch of sequences.

    outputs: ``[batch, time, N]``. state: the last one of each sequence, ``[batch, state_size]``; None without one.
    trace: the layer's signals at every step, if asked for.
    """

    outputs: Ints
    state: Ints | None = None
    trace: Trace | None = None


class Link:
    """What a layer of a chain answers, trained or quantized."""

    kind: ClassVar[str]
    name: str
    return_sequences: bool  # whether it answers each step, or the last one of a sequence only

    @property
    def rhythm(self) -> Rhythm:
        """Which of the steps that it is given the layer answers."""
        return Rhythm(once=not self.return_sequences)

    @property
    def tokens(self) -> int:
        """How many tokens there are, where inputs are token numbers; else 0."""
        return 0

    @property
    def input_size(self) -> int:
        """Elements a step that the layer takes."""
        raise NotImplementedError

    @property
    def output_size(self) -> int:
        """Elements a step that the layer gives on."""
        raise NotImplementedError

    @property
    def maps(self) -> tuple[int, int] | None:
        """Rows and columns of what it gives on, where that is maps with their channels last; None of vectors."""
        return None

    @property
    def given_maps(self) -> tuple[int, int] | None:
        """The same of what it takes."""
        return None

    @property
    def head(self) -> Head:
        """What the answers are, where this layer is a network's last."""
        return "values"

    @property
    def answers(self) -> int:
        """How many answers a step there are, or classes that the head tells apart."""
        return self.output_size


class FloatLayer(Link):
    """A trained layer as plain arrays; ``kind`` is that of the quantized layer it becomes.

    holds: past a sequence's end, it answers as it did at the last step.
    settled: what it was trained as, in words, where training has settled its formats; else empty.
    moves_steps: it answers each step, but not in their order.
    both_directions: it reads each sequence from its end as well, so that a step's answer knows what follows.
    input_exponents, output_exponents: of each channel that it takes or gives on as a network's first or last layer,
        where training has settled them; None where they are still to be chosen.
    """

    input_exponents: ClassVar[tuple[int, ...] | None] = None
    output_exponents: ClassVar[tuple[int, ...] | None] = None
    settled: ClassVar[str] = ""
    holds: ClassVar[bool] = False
    moves_steps: ClassVar[bool] = False
    both_directions: ClassVar[bool] = False

    def forward(self, x: Floats, length: Ints) -> Floats:
        """Outputs ``[batch, time, N]`` of inputs ``[batch, time, D]``; what lies past a length is the last state's.

        ``time`` of the outputs is that of ``rhythm``; of a layer that answers once a sequence, the last one counts.
        """
        raise NotImplementedError

    def counts_padding(self, held: bool) -> bool:
        """Whether padding takes part in its answers in Keras, which does not tell it of a mask.

        Parameters
        ----------
        held: the steps of padding that it is given repeat the last real one.
        """
        return False

    def answer(self, outputs: Floats) -> Floats:
        """Answers of the model whose last layer this is, from its outputs."""
        return outputs

    def quantize(self, source: Format, data: Calibration, precision: Precision) -> Layer:
        """The layer in integers.

        Parameters
        ----------
        source: format of its input codes. data: what calibrates the formats of all others.
        """
        raise NotImplementedError

    def numbers(self, layer: Layer) -> dict[str, Floats]:
        """What the arrays of the quantized layer are the codes of, by name: real numbers on the grids' own scale."""
        return {}

    @classmethod
    def of_numbers(cls, layer: Layer, numbers: Mapping[str, Floats]) -> FloatLayer:
        """The layer whose :meth:`numbers` for a quantized layer are these."""
        raise NotImplementedError

    def input_format(self, values: Floats, precision: Precision) -> Format:
        """Format of a network's input codes, where this layer is its first and ``values`` are inputs."""
        return precision.data(values, precision.widths.input_bits)

    def noise(self, rng: np.random.Generator, batch: int, steps: int) -> Floats:
        """Inputs ``[batch, steps, D]`` for want of data."""
        return rng.standard_normal((batch, steps, self.input_size))

    def answering_once(self) -> FloatLayer:
        """The layer that gives the last step of a sequence only.

        Raises
        ------
        InputError: this kind of layer has no such form.
        """
        raise InputError(f"layer {self.name!r}: its last step alone has no hardware")

    def classifier(self) -> FloatLayer:
        """The layer that gives the number of the largest output instead of all outputs.

        Raises
        ------
        InputError: this kind of layer has no such form.
        """
        raise InputError(_NO_CLASSIFIER)

    def input_scaled(self, name: str, scale: Floats, offset: Floats) -> FloatLayer:
        """The layer that takes ``v`` where this one takes ``scale * v + offset``, of the layer ``name`` before it.

        Raises
        ------
        InputError: this layer cannot take it over.
        """
        raise InputError(f"layer {name!r}: a scale in front of layer {self.name!r} has no hardware")

    def scale_behind(self, scale: Floats, offset: Floats) -> tuple[Floats, Floats] | None:
        """Scale and offset behind this layer that do what these in front of it would; None if there are none."""
        return None

    def output_scaled(self, scale: Floats, offset: Floats) -> FloatLayer | None:
        """The layer that gives ``scale * v + offset`` where this one gives ``v``; None if it cannot."""
        return None

    def activated(self, name: str, activation: str) -> FloatLayer:
        """The layer with the activation of the layer ``name`` behind it.

        Raises
        ------
        InputError: this layer takes none.
        """
        raise InputError(f"layer {name!r}: {activation} is supported after a linear Dense layer only")


class Layer(FreeScales, Link):
    """A quantized layer: integer arrays and formats, immutable, validated on creation."""

    arrays: ClassVar[tuple[str, ...]]
    constants: ClassVar[tuple[str, ...]] = ()  # arrays that are given, not trained
    signals: ClassVar[tuple[str, ...]] = ()  # what a trace of it, and a probe of its hardware, shows
    stores: ClassVar[bool] = False  # whether it answers a sequence's steps when all of them are there
    input: Format  # of the codes that it takes
    output: Format  # of the codes that it gives on

    @property
    def family(self) -> str:
        """Name of the kinds that one rule serves, whatever makes them differ; the kind where nothing else is said."""
        return self.kind

    @property
    def parts(self) -> tuple[Layer, ...]:
        """The layers inside this one."""
        return ()

    @property
    def state_size(self) -> int:
        """Codes that the layer keeps from one step to the next; 0 for a layer without a state."""
        return 0

    @property
    def state_formats(self) -> tuple[Format, ...]:
        """Formats of the codes that each unit keeps; in a state vector the codes of a unit stand together."""
        return ()

    @property
    def state_format(self) -> Format:
        """Format of a state vector's elements on a wire: the widest, to which others are extended by their sign."""
        return max(self.state_formats, key=lambda fmt: fmt.bits)

    @property
    def signal_codes(self) -> int:
        """Codes of all signals together at a step."""
        return 0

    @property
    def largest_number(self) -> int:
        """Largest magnitude of any intermediate number of the golden model's; what an integer type must hold."""
        return 0

    @property
    def max_steps(self) -> int | None:
        """Steps of the longest sequence that the layer can take; None where it can take any."""
        return None

    def classifier(self) -> Layer:
        """The layer that gives the number of the largest output instead of all outputs.

        Raises
        ------
        InputError: this kind of layer has no such form.
        """
        raise InputError(_NO_CLASSIFIER)

    @property
    def grids(self) -> dict[str, Grid]:
        """On which grid each of the layer's arrays was quantized, by name."""
        return {}

    def bounded(self, steps: int) -> Layer:
        """The layer for sequences of at most so many steps; itself where their number does not matter."""
        return self

    def generic(self) -> Layer:
        """The layer with hardware for any weights of its formats; itself where no width depends on the weights."""
        return self

    def run(self, x: Ints, length: Ints, state: Ints, trace: bool) -> Given:
        """The golden rule: what the layer gives for input codes ``x [batch, time, D]``.

        ``time`` of the outputs is that of ``rhythm``; of a layer that answers once a sequence, the last one counts.

        Parameters
        ----------
        length: steps of each sequence; past them the state stays. state: ``[batch, state_size]`` to start from.
        trace: also give the layer's signals.
        """
        raise NotImplementedError

    def decode(self, outputs: Ints) -> Floats:
        """Real answers of the model whose last layer this is."""
        return self.output.dequantize(outputs)

    def check_state(self, codes: Any) -> Ints:
        """State codes once they are known to be representable."""
        return np.zeros((len(codes), 0), np.int64)

    def describe(self) -> dict[str, Any]:
        """Everything but the arrays, as plain JSON data."""
        fields: dict[str, Any] = {"kind": self.kind}
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            if field.name not in self.arrays:
                value = getattr(self, field.name)
                fields[field.name] = value.to_dict() if isinstance(value, Format) else value
        return fields

    @property
    def title(self) -> str:
        """What the layer is, for people: its kind, and what it is told by name."""
        fields = self.describe().items()
        named = [value for key, value in fields if isinstance(value, str) and key not in ("kind", "name")]
        return ", ".join([self.kind, *named])

    def stored(self) -> dict[str, Ints]:
        """The arrays, by name."""
        return {name: getattr(self, name) for name in self.arrays}

    @classmethod
    def restored(cls, fields: dict[str, Any], arrays: dict[str, Any]) -> Layer:
        """The layer that :meth:`describe` and :meth:`stored` were given of.

        Raises
        ------
        KeyError, TypeError, ValueError: they are not what a layer of this kind gives.
        """
        values = {key: format_from_dict(value) if isinstance(value, dict) else value for key, value in fields.items()}
        return cls(**values, **{name: arrays[name] for name in cls.arrays})

    def _freeze(self, field: str, shape: tuple[int, ...], low: int, high: int, empty: bool = False) -> None:
        """Replace array ``field`` with a read-only int64 copy of the given shape (-1: any size, 0 if ``empty``)."""
        value = np.array(getattr(self, field))
        where = f"layer {self.name!r}: {field}"
        require(value.dtype.kind in "iu", f"{where} must hold integers, not {value.dtype}")
        matches = value.ndim == len(shape) and all(s in (-1, v) for s, v in zip(shape, value.shape, strict=True))
        require(matches and (empty or value.size > 0), f"{where} must have shape {shape}, not {value.shape}")
        if value.size:
            require(
                int(value.min()) >= low and int(value.max()) <= high,
                f"{where} must be from {low} to {high}, found {value.min()} to {value.max()}",
            )
        value = value.astype(np.int64)
        value.setflags(write=False)
        object.__setattr__(self, field, value)


class EachStep:
    """A layer that answers each step it is given."""

    return_sequences = True


class Once:
    """A layer that answers a sequence as a whole."""

    return_sequences = False


class SameSize:
    """A layer that gives on as many numbers a step as it is given, ``size``."""

    size: int

    @property
    def input_size(self) -> int:
        """D, the number of channels."""
        return self.size

    output_size = input_size

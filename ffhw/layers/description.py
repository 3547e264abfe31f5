"""Reading a layer from a Keras description: every option through a table, every weight by its exact shape.

A kind of layer lists the Keras classes that become it, each with a table of all options that such a description may
have and of the values that hardware supports. What no table knows is refused by layer and option, so that nothing
is ever read as something else. New Keras versions add options; one that is off (None or False) changes nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from ffhw.errors import InputError
from ffhw.layers.base import FloatLayer, Floats

MOST_UNITS = 1 << 16


class Option:
    """What values an option may have: those that ``accepts`` is true of; ``expected`` says which, for messages."""

    def __init__(self, accepts: Callable[[Any], bool], expected: str, default: Any) -> None:
        self.accepts = accepts
        self.expected = expected
        self.default = default


def only(*values: Any) -> Option:
    """One of these values, the first of which is meant where the description is silent."""

    def accepts(value: Any) -> bool:
        # True equals 1 in Python, not in a description
        return any(type(value) is type(v) and value == v for v in values)

    return Option(accepts, f"use {values[0]!r}", values[0])


def one_of(names: tuple[str, ...]) -> Option:
    """One of these names."""
    return Option(lambda v: isinstance(v, str) and v in names, f"must be one of {', '.join(names)}", names[0])


# Has no effect once training is over.
UNUSED = Option(lambda _: True, "", None)
FLAG = Option(lambda v: isinstance(v, bool), "must be true or false", False)
FLAG_ON = Option(lambda v: isinstance(v, bool), "must be true or false", True)
UNITS = Option(
    lambda v: isinstance(v, int) and not isinstance(v, bool) and 1 <= v <= MOST_UNITS,
    f"must be a whole number from 1 to {MOST_UNITS}",
    0,
)
NUMBER = Option(
    lambda v: isinstance(v, (int, float)) and not isinstance(v, bool) and abs(v) < 1e300,
    "must be a finite number",
    0.0,
)
# What every Keras layer has.
COMMON: dict[str, Option] = {"name": UNUSED, "trainable": UNUSED, "activity_regularizer": UNUSED}
FLOAT_POLICIES = ("float32", "float64")


def training_options(*roles: str) -> dict[str, Option]:
    """Initializer, regularizer and constraint of each of these weights."""
    parts = ("initializer", "regularizer", "constraint")
    return {f"{role}_{part}": UNUSED for role in roles for part in parts}


class Weights(Protocol):
    """Where a file keeps the weights of one layer."""

    def array(self, key: str, shape: tuple[int, ...], name: str) -> Floats:
        """The finite weights stored under ``key``, which must have exactly this shape."""

    def count(self, part: str = "") -> int:
        """Arrays stored of the layer, or of its part."""

    def part(self, name: str) -> Weights:
        """Those of a layer inside this one."""


@dataclasses.dataclass(frozen=True)
class Form:
    """What a layer of a description is given.

    inputs: numbers along the last axis: elements of a vector, or channels of maps.
    maps: rows and columns, None of vectors. each_step: whether there is one of these for each step, or one a sequence.
    padding: zeros around the maps, which wait for the layer that takes them.
    """

    inputs: int
    each_step: bool = True
    maps: tuple[int, int] | None = None
    padding: Padding | None = None

    @property
    def rank(self) -> int:
        """Axes in Keras, 3 for sequences of vectors and 5 of maps; one less where a sequence has one answer."""
        return 2 + self.each_step + 2 * (self.maps is not None)

    @property
    def elements(self) -> int:
        """Of a step."""
        return self.inputs * (self.maps[0] * self.maps[1] if self.maps else 1)

    def after(self, part: FloatLayer | Part | None) -> Form:
        """What the layer behind is given, where this is given to a part of a chain."""
        if isinstance(part, FloatLayer):
            maps, size = part.maps, part.output_size
            channels = size // (maps[0] * maps[1]) if maps else size
            return Form(channels, part.return_sequences and (bool(part.tokens) or self.each_step), maps)
        if isinstance(part, Flat):
            return Form(self.elements, self.each_step)
        return dataclasses.replace(self, padding=part) if isinstance(part, Padding) else self


@dataclasses.dataclass(frozen=True)
class Described:
    """One layer of a description.

    given: what it is given.
    inside: reads a layer that is described inside this one, from its description and its weights.
    """

    name: str
    options: Mapping[str, Any]
    weights: Weights
    given: Form
    inside: Callable[[Described, Any, Weights], Read] | None = None

    @property
    def inputs(self) -> int:
        """Numbers along the last axis."""
        return self.given.inputs

    @property
    def rank(self) -> int:
        """Axes."""
        return self.given.rank

    @property
    def maps(self) -> tuple[int, int] | None:
        """Rows and columns of maps, None of vectors."""
        return self.given.maps

    def of_elements(self, values: Any) -> Any:
        """One number for each along the last axis as one for each element of a step."""
        return np.tile(values, self.given.elements // self.inputs)

    def inner(self, option: str, part: str, ignore: tuple[str, ...] = ()) -> Read:
        """What a layer that is an option of this one becomes.

        Parameters
        ----------
        option: its description. part: where its weights are, inside those of this layer.
        ignore: options of it that mean nothing here.
        """
        assert self.inside is not None
        description = dict(self.options[option])
        config = description.get("config")
        if isinstance(config, dict):
            description["config"] = {key: value for key, value in config.items() if key not in ignore}
        return self.inside(self, description, self.weights.part(part))

    def array(self, key: str, *shape: int) -> Floats:
        """Weights of exactly this shape."""
        return self.weights.array(key, shape, self.name)

    def expect_arrays(self, count: int, part: str = "") -> None:
        """Refuse a layer that stores more weights than its options ask for: something would be left out."""
        found = self.weights.count(part)
        if found != count:
            raise InputError(f"layer {self.name!r}: the file holds {found} weights of it, its options ask for {count}")

    def refuse(self, option: str, why: str) -> InputError:
        """The error for an option that no table can judge alone."""
        value = self.options.get(option)
        # the description of a layer would fill the screen
        shown = option if isinstance(value, dict) else f"{option}={value!r}"
        return InputError(f"layer {self.name!r}: {shown} {why}")

    def last_axis(self, option: str = "axis") -> None:
        """Refuse an axis that is not the one of the elements."""
        value = self.options[option]
        axes = value if isinstance(value, list) else [value]
        if axes not in ([-1], [self.rank - 1]):
            raise self.refuse(option, "has no hardware; use -1")


@dataclasses.dataclass(frozen=True)
class KerasClass:
    """How a Keras class is read.

    Parameters
    ----------
    options: all options it may have, those of :data:`COMMON` aside.
    read: gives what stands in the chain for it; None for nothing.
    takes_tokens: whether its input is token numbers ``[batch, time]``.
    registered: name under which a class that is not Keras' own is registered.
    each_step: whether it treats each step alone, so that ``TimeDistributed`` around it changes nothing.
    takes_maps: whether it may be given maps; else vectors only. takes_padding: whether zeros may be put around them.
    """

    name: str
    options: Mapping[str, Option]
    read: Callable[[Described], Read]
    registered: str | None = None
    each_step: bool = False
    takes_tokens: bool = False
    takes_maps: bool = False
    takes_padding: bool = False

    def check_form(self, name: str, form: Form) -> None:
        """Refuse what a layer of this class, ``name``, cannot be given."""
        if form.maps is not None and not self.takes_maps:
            rows, columns = form.maps
            flat = "TimeDistributed(Flatten())" if form.each_step else "a Flatten layer"
            advice = f"; put {flat} in front of it" if self.each_step else ""
            raise InputError(
                f"layer {name!r}: {self.name} takes vectors, not {form.inputs} maps of {rows} x {columns}{advice}"
            )
        if form.padding is not None and not self.takes_padding:
            raise InputError(f"layer {form.padding.name!r}: zeros around maps are supported in front of Conv3D only")


class Part:
    """What is no layer of its own, but changes its neighbours."""

    name: str


# What stands in a chain for a layer of a description: one thing, several in their order, or nothing.
Read = FloatLayer | Part | tuple[FloatLayer | Part, ...] | None


@dataclasses.dataclass(frozen=True)
class Activation(Part):
    """An activation that stands as a layer of its own."""

    name: str
    activation: str


@dataclasses.dataclass(frozen=True)
class Affine(Part):
    """``scale * v + offset``, element by element; both ``[D]``."""

    name: str
    scale: Floats
    offset: Floats


@dataclasses.dataclass(frozen=True)
class Flat(Part):
    """Maps as a vector, in the order in which they are stored."""

    name: str


@dataclasses.dataclass(frozen=True)
class Padding(Part):
    """Zeros in front of each axis and behind it: of steps, rows and columns."""

    name: str
    steps: tuple[int, int]
    rows: tuple[int, int]
    columns: tuple[int, int]


@dataclasses.dataclass(frozen=True)
class Mask(Part):
    """Steps of ``value`` only are padding."""

    name: str
    value: float


def check_options(what: str, options: Mapping[str, Any], table: Mapping[str, Option]) -> dict[str, Any]:
    """Options of a layer, with what the description is silent about filled in.

    Raises
    ------
    InputError: an option that the table does not know, or at a value that it does not support.
    """
    full = {option: rule.default for option, rule in table.items()}
    for option, value in options.items():
        rule = {**COMMON, **table}.get(option)
        if option == "dtype":
            _check_policy(what, value)
        elif rule is None:
            if value is not None and value is not False:
                raise InputError(f"layer {what!r}: option {option}={_shown(value)} is not understood")
        elif rule.expected.startswith("must"):
            if not rule.accepts(value):
                raise InputError(f"layer {what!r}: {option} {rule.expected}, not {_shown(value)}")
        elif not rule.accepts(value):
            raise InputError(f"layer {what!r}: {option}={_shown(value)} has no hardware; {rule.expected}")
        full[option] = value
    return full


def _check_policy(what: str, policy: Any) -> None:
    """Refuse numbers that are not plain floats: those of quantized models have scales of their own."""
    name = policy
    if isinstance(policy, dict):
        config = policy.get("config")
        name = config.get("name") if policy.get("class_name") == "DTypePolicy" and isinstance(config, dict) else None
        if name is None:
            name = f"{policy.get('class_name')} {config.get('mode', '') if isinstance(config, dict) else ''}".strip()
    if name not in FLOAT_POLICIES:
        raise InputError(
            f"layer {what!r}: dtype policy {_shown(name)} is not supported, only {' and '.join(FLOAT_POLICIES)}; "
            "export quantizes: save the model before it is quantized or cast"
        )


def _shown(value: Any) -> str:
    """A value as an error message shows it: a class by its name, nothing at length."""
    if isinstance(value, dict) and isinstance(value.get("class_name"), str):
        value = value["class_name"]
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."

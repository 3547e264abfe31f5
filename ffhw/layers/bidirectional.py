"""Bidirectional: two recurrent layers of one kind, one of which reads each sequence from its end, and their merger.

concat   [forward, backward]        sum    forward + backward
ave      (forward + backward) / 2   mul    forward * backward

Each step of the merged sequence joins what both directions know at that step.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from ffhw.layers.base import Calibration, FloatLayer, Floats, Given, Ints, Layer, Trace, below, require
from ffhw.layers.description import Affine, Described, KerasClass, Option, Read, one_of
from ffhw.layers.float_recurrent import FloatRecurrent
from ffhw.layers.free_scales import Term
from ffhw.layers.recurrent import RecurrentLayer
from ffhw.layers.reversal import backwards, check_steps
from ffhw.numbers.formats import MAX_BITS, Fixed, Format, Unorm, UnormSum
from ffhw.numbers.gates import half_up, interpolate
from ffhw.numbers.grids import Grid, WeightBits
from ffhw.numbers.scales import Precision

MERGES = ("concat", "sum", "ave", "mul")


def read(described: Described) -> Read:
    """Bidirectional layer: the layers' own descriptions and weights under ``forward_layer`` and ``backward_layer``."""
    # Keras sets `zero_output_for_mask` inside: it is about steps past a sequence's end
    names = (("layer", "forward_layer"), ("backward_layer", "backward_layer"))
    layers = [described.inner(option, part, ignore=("zero_output_for_mask",)) for option, part in names]
    directions: list[FloatRecurrent] = []
    scales: list[Affine | None] = []
    for layer, reverse in zip(layers, (False, True), strict=True):
        parts = layer if isinstance(layer, tuple) else (layer,)
        last = parts[-1]
        scales.append(last if isinstance(last, Affine) else None)
        parts = parts[:-1] if isinstance(last, Affine) else parts
        if len(parts) != 1 + reverse or not isinstance(parts[-1], FloatRecurrent):
            raise described.refuse("layer", "must be a recurrent layer, and the other one the same, going backwards")
        directions.append(parts[-1])
    forward, backward = directions
    same = all(getattr(forward, what) == getattr(backward, what) for what in ("kind", "units", "maps", "given_maps"))
    merge = described.options["merge_mode"]
    if not same or forward.return_sequences != backward.return_sequences:
        raise described.refuse("backward_layer", "has no hardware where it differs in kind, sizes or return_sequences")
    return _centered(described, FloatBidirectional(described.name, forward, backward, merge), scales)


def _centered(described: Described, both: FloatBidirectional, scales: list[Affine | None]) -> Read:
    """Both layers, before what scales their outputs."""
    one, other = scales
    if one is None and other is None:
        return both
    if one is None or other is None:
        raise described.refuse("backward_layer", "has no hardware where only one of both is centered")
    if both.merge == "mul":
        raise described.refuse("merge_mode", "of centered states must be concat, sum or ave: they become plain ones")
    # of the same kind and size: alike. sum: s a + o + s b + o = s (a + b) + 2 o
    offset = (1 + (both.merge == "sum")) * one.offset
    times = 1 + (both.merge == "concat")
    return both, Affine(described.name, np.tile(one.scale, times), np.tile(offset, times))


_LAYER = Option(lambda v: isinstance(v, dict), "must be the description of a layer", None)
KERAS = (
    KerasClass(
        "Bidirectional",
        {"layer": _LAYER, "backward_layer": _LAYER, "merge_mode": one_of(MERGES)},
        read,
        takes_maps=True,
    ),
)


def side_by_side(ahead: Any, back: Any, maps: tuple[int, int] | None) -> Any:
    """Both directions' outputs ``[..., N]`` as one, ``[..., 2 N]``: of maps at each place."""
    if maps is None:
        return np.concatenate([ahead, back], axis=-1)
    places = (*ahead.shape[:-1], maps[0] * maps[1], -1)
    both = np.concatenate([ahead.reshape(places), back.reshape(places)], axis=-1)
    return both.reshape(*ahead.shape[:-1], -1)


class _Both:
    """What both forms of the layer answer as the layers in them do."""

    ahead: Any

    @property
    def given_maps(self) -> tuple[int, int] | None:
        """Of both layers."""
        return self.ahead.given_maps

    @property
    def maps(self) -> tuple[int, int] | None:
        """Of both layers."""
        return self.ahead.maps


@dataclasses.dataclass(frozen=True)
class FloatBidirectional(_Both, FloatLayer):
    """Two trained layers of the same kind and size; ``merge`` is one of :data:`MERGES`."""

    kind: ClassVar[str] = "bidirectional"
    both_directions = True

    name: str
    ahead: FloatRecurrent
    back: FloatRecurrent
    merge: str

    @property
    def return_sequences(self) -> bool:  # type: ignore[override]
        """As both layers do."""
        return self.ahead.return_sequences

    @property
    def input_size(self) -> int:
        """D, the number of inputs."""
        return self.ahead.input_size

    @property
    def output_size(self) -> int:
        """N, or 2 N of both side by side."""
        return self.ahead.units * (1 + (self.merge == "concat"))

    def input_scaled(self, name: str, scale: Floats, offset: Floats) -> FloatBidirectional:  # noqa: D102
        ahead, back = (layer.input_scaled(name, scale, offset) for layer in (self.ahead, self.back))
        return dataclasses.replace(self, ahead=ahead, back=back)

    def answering_once(self) -> FloatBidirectional:  # noqa: D102
        return dataclasses.replace(self, ahead=self.ahead.answering_once(), back=self.back.answering_once())

    def forward(self, x: Floats, length: Ints) -> Floats:  # noqa: D102
        ahead = self.ahead.forward(x, length)
        back = self.back.forward(backwards(x, length), length)
        if self.return_sequences:
            back = backwards(back, length)
        if self.merge == "concat":
            return side_by_side(ahead, back, self.maps)
        return {"sum": ahead + back, "ave": (ahead + back) / 2, "mul": ahead * back}[self.merge]

    def numbers(self, layer: Layer) -> dict[str, Floats]:  # noqa: D102
        assert isinstance(layer, BidirectionalLayer)
        pairs = ((name, getattr(self, name).numbers(part)) for name, part in layer.directions.items())
        return {f"{name}.{key}": array for name, arrays in pairs for key, array in arrays.items()}

    @classmethod
    def of_numbers(cls, layer: Any, numbers: Mapping[str, Floats]) -> FloatBidirectional:  # noqa: D102
        from ffhw.layers import of_numbers

        inner: Any = {name: of_numbers(part, below(name, numbers)) for name, part in layer.directions.items()}
        return cls(name=layer.name, merge=layer.merge, **inner)

    def quantize(self, source: Format, data: Calibration, precision: Precision) -> BidirectionalLayer:  # noqa: D102
        turned = dataclasses.replace(data, inputs=backwards(data.inputs, data.length))
        ahead = self.ahead.quantize(source, data, precision)
        back = self.back.quantize(source, turned, precision)
        return BidirectionalLayer(self.name, self.merge, data.inputs.shape[1], ahead, back)


@dataclasses.dataclass(frozen=True, eq=False)
class BidirectionalLayer(_Both, Layer):
    """Two layers of the same kind and size, in integers.

    Its signals are those of both, each in the order in which its layer works: the backward layer's last step first.
    States always start from zero: what goes backwards cannot continue a sequence that went before.

    Parameters
    ----------
    merge: ``concat``; ``sum``, exact in a format of one bit more; ``ave``, rounded half up; ``mul``, rounded half up,
        where -1 times -1 of ``Fixed`` saturates.
    steps: of the longest sequence that hardware stores.
    ahead, back: the two layers.
    """

    kind: ClassVar[str] = "bidirectional"
    arrays: ClassVar[tuple[str, ...]] = ()
    stores: ClassVar[bool] = True

    name: str
    merge: str
    steps: int
    ahead: RecurrentLayer
    back: RecurrentLayer

    def __post_init__(self) -> None:
        where = f"layer {self.name!r}"
        require(self.merge in MERGES, f"{where}: merge must be one of {', '.join(MERGES)}, not {self.merge!r}")
        check_steps(self.name, self.steps)
        for layer in (self.ahead, self.back):
            require(isinstance(layer, RecurrentLayer), f"{where} is made of two recurrent layers")
        for what in ("kind", "input", "state", "units", "input_size", "maps", "given_maps", "return_sequences"):
            same = getattr(self.ahead, what) == getattr(self.back, what)
            require(same, f"{where}: both directions must have the same {what}")
        wide = self.ahead.state.bits + (self.merge == "sum")
        require(wide <= MAX_BITS, f"{where}: a sum of states of {wide - 1} bits has no format; use fewer bits")

    @property
    def directions(self) -> dict[str, RecurrentLayer]:
        """The two layers by name."""
        return {"ahead": self.ahead, "back": self.back}

    @property
    def parts(self) -> tuple[Layer, ...]:
        """The two layers."""
        return (self.ahead, self.back)

    @property
    def return_sequences(self) -> bool:  # type: ignore[override]
        """As both layers do."""
        return self.ahead.return_sequences

    @property
    def input(self) -> Format:  # type: ignore[override]
        """Of both layers."""
        return self.ahead.input

    @property
    def output(self) -> Format:  # type: ignore[override]
        """Of the states, or one bit wider of their sum."""
        state = self.ahead.state
        if self.merge != "sum":
            return state
        return UnormSum(state.bits + 1) if isinstance(state, Unorm) else Fixed(state.bits + 1, state.frac)

    @property
    def units(self) -> int:
        """N of each direction."""
        return self.ahead.units

    @property
    def weight_bits(self) -> WeightBits:
        """Of both layers."""
        return self.ahead.weight_bits

    @property
    def input_size(self) -> int:
        """D, the number of inputs."""
        return self.ahead.input_size

    @property
    def output_size(self) -> int:
        """N, or 2 N of both side by side."""
        return self.units * (1 + (self.merge == "concat"))

    @property
    def max_steps(self) -> int | None:  # noqa: D102
        return self.steps

    @property
    def grids(self) -> dict[str, Grid]:  # noqa: D102
        return {f"{name}.{key}": grid for name, layer in self.directions.items() for key, grid in layer.grids.items()}

    @property
    def sum_terms(self) -> dict[str, tuple[Term, ...]]:  # noqa: D102
        pairs = ((name, *item) for name, layer in self.directions.items() for item in layer.sum_terms.items())
        return {f"{name}.{key}": tuple(term.within(name) for term in terms) for name, key, terms in pairs}

    @property
    def free_scales(self) -> tuple[str, ...]:  # noqa: D102
        pairs = ((name, scale) for name, layer in self.directions.items() for scale in layer.free_scales)
        # both take the same input
        return tuple(dict.fromkeys(scale if scale == "input" else f"{name}.{scale}" for name, scale in pairs))

    def refined(self, finer: Mapping[str, int]) -> Self:  # noqa: D102
        shared = {"input": finer.get("input", 0)}
        inner: Any = {name: part.refined({**below(name, finer), **shared}) for name, part in self.directions.items()}
        return dataclasses.replace(self, **inner)

    def bounded(self, steps: int) -> BidirectionalLayer:  # noqa: D102
        return dataclasses.replace(self, steps=steps)

    def generic(self) -> BidirectionalLayer:  # noqa: D102
        return dataclasses.replace(self, ahead=self.ahead.generic(), back=self.back.generic())

    @property
    def signals(self) -> tuple[str, ...]:  # type: ignore[override]
        """Those of both, by direction."""
        return tuple(f"{name}_{signal}" for name, layer in self.directions.items() for signal in layer.signals)

    @property
    def signal_codes(self) -> int:
        """Of both."""
        return self.ahead.signal_codes + self.back.signal_codes

    @property
    def largest_number(self) -> int:  # noqa: D102
        return max(self.ahead.largest_number, self.back.largest_number)

    def run(self, x: Ints, length: Ints, state: Ints, trace: bool) -> Given:  # noqa: D102
        zero = np.zeros((len(x), self.ahead.state_size), np.int64)
        ahead = self.ahead.run(x, length, zero, trace)
        back = self.back.run(backwards(x, length), length, zero, trace)
        turned = backwards(back.outputs, length) if self.return_sequences else back.outputs
        outputs = self.merged(ahead.outputs, turned)
        if not trace:
            return Given(outputs)
        traces: dict[str, dict[str, Ints]] = {"ahead": ahead.trace or {}, "back": back.trace or {}}
        shown = {f"{name}_{s}": codes for name, signals in traces.items() for s, codes in signals.items()}
        return Given(outputs, trace=Trace(shown))

    def merged(self, ahead: Ints, back: Ints) -> Ints:
        """What both directions' codes become."""
        if self.merge == "concat":
            return side_by_side(ahead, back, self.maps)
        if self.merge == "sum":
            return ahead + back
        if self.merge == "ave":
            return half_up(ahead + back, 1)
        state = self.ahead.state
        if isinstance(state, Unorm):
            # round(a b / M)
            return interpolate(ahead, back, np.zeros_like(back), state.bits)
        # (a b + half) >> (b - 1), -1 times -1 saturated
        return np.minimum(half_up(ahead * back, state.frac), state.max)

    @property
    def title(self) -> str:
        """The kind of both layers as well."""
        return f"{self.kind} {self.ahead.kind}, {self.merge}"

    def describe(self) -> dict[str, Any]:  # noqa: D102
        inner = {name: layer.describe() for name, layer in self.directions.items()}
        return {"kind": self.kind, "name": self.name, "merge": self.merge, "steps": self.steps, **inner}

    def stored(self) -> dict[str, Ints]:  # noqa: D102
        pairs = [(name, *item) for name, layer in self.directions.items() for item in layer.stored().items()]
        return {f"{name}.{key}": array for name, key, array in pairs}

    @classmethod
    def restored(cls, fields: dict[str, Any], arrays: dict[str, Any]) -> BidirectionalLayer:  # noqa: D102
        from ffhw.layers import restored

        inner = {name: restored(fields[name], below(name, arrays)) for name in ("ahead", "back")}
        return cls(**{**fields, **inner})

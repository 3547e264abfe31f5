"""Maps, and windows that slide over them: what convolutional layers share, trained or quantized.

A step's maps ``[rows, columns, channels]`` are a vector in this order everywhere else. Outside of them all is zero.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np

from ffhw.errors import InputError
from ffhw.layers.base import Floats, Ints, Layer, require
from ffhw.layers.convolution import MOST_TAPS
from ffhw.layers.description import UNITS, Described, Option, only

# Rows or columns of the largest maps.
MOST_PIXELS = 1 << 12
# Numbers of maps, and those that a window sees at all places together; those that are laid side by side at once.
_MOST_NUMBERS = _AT_ONCE = 1 << 24

Pair = tuple[int, int]


@dataclasses.dataclass(frozen=True)
class Window:
    """A window on maps. Pairs are rows, then columns.

    Parameters
    ----------
    rows, columns, channels: of the maps.
    size: rows and columns that it sees. strides: from one place to the next. dilation: between the pixels that it sees.
    before, after: rows and columns of zeros in front of the maps and behind them.
    """

    rows: int
    columns: int
    channels: int
    size: Pair
    strides: Pair = (1, 1)
    dilation: Pair = (1, 1)
    before: Pair = (0, 0)
    after: Pair = (0, 0)

    @classmethod
    def restored(cls, fields: Any) -> Window:
        """The window whose fields these are, as JSON keeps them."""
        values: dict[str, Any] = {key: tuple(n) if isinstance(n, list) else n for key, n in fields.items()}
        return cls(**values)

    def check(self, where: str) -> None:
        """Refuse a window that does not fit its maps.

        Raises
        ------
        NetworkError: it does not fit, or something is out of range.
        """
        pairs = {name: getattr(self, name) for name in ("size", "strides", "dilation", "before", "after")}
        for name, pair in pairs.items():
            least, most = (0, MOST_PIXELS) if name in ("before", "after") else (1, MOST_TAPS)
            sound = isinstance(pair, tuple) and len(pair) == 2
            sound = sound and all(type(n) is int and least <= n <= most for n in pair)
            require(sound, f"{where}: {name} must be two whole numbers from {least} to {most}, not {str(pair)[:60]}")
        for name in ("rows", "columns", "channels"):
            n = getattr(self, name)
            sound = type(n) is int and 1 <= n <= MOST_PIXELS
            require(sound, f"{where}: {name} must be a whole number from 1 to {MOST_PIXELS}, not {str(n)[:60]}")
        shape = f"maps of {self.rows} x {self.columns}"
        require(min(self.places) >= 1, f"{where}: a window of {self.size} is larger than {shape}")
        numbers = max(self.elements, self.positions * self.taps * self.channels)
        require(numbers <= _MOST_NUMBERS, f"{where}: {self.channels} {shape} are too large")

    @property
    def places(self) -> Pair:
        """Rows and columns at which it stands: those of the maps that become of it."""
        found = []
        for axis, pixels in enumerate((self.rows, self.columns)):
            reach = (self.size[axis] - 1) * self.dilation[axis] + 1
            room = pixels + self.before[axis] + self.after[axis] - reach
            found.append(room // self.strides[axis] + 1)
        return found[0], found[1]

    @property
    def positions(self) -> int:
        """Places together."""
        return self.places[0] * self.places[1]

    @property
    def taps(self) -> int:
        """Pixels that it sees at a place."""
        return self.size[0] * self.size[1]

    @property
    def pixels(self) -> int:
        """Of a map."""
        return self.rows * self.columns

    @property
    def elements(self) -> int:
        """Of all maps: those of the vector."""
        return self.pixels * self.channels

    def over(self, channels: int) -> Window:
        """The window of the same size over the maps that this one makes, so many, each place answered."""
        rows, columns = self.places
        before, after = zip(*(same(n, 1) for n in self.size), strict=True)
        return Window(rows, columns, channels, self.size, before=before, after=after)  # type: ignore[arg-type]

    def check_units(self, where: str, numbers: int) -> None:
        """Refuse a layer of so many numbers for each place.

        Raises
        ------
        NetworkError: all of them are more than there is room for.
        """
        few = self.positions * numbers <= _MOST_NUMBERS
        require(few, f"{where}: {numbers} numbers at each of {self.positions} places are too many")

    @functools.cached_property
    def sources(self) -> Ints:
        """Which pixel each tap sees, ``[positions, taps]``; one past the last where that is outside."""
        axes, inside = [], []
        for axis, pixels in enumerate((self.rows, self.columns)):
            starts = np.arange(self.places[axis]) * self.strides[axis] - self.before[axis]
            seen = starts[:, None] + np.arange(self.size[axis]) * self.dilation[axis]
            axes.append(seen)
            inside.append((seen >= 0) & (seen < pixels))
        number = axes[0][:, None, :, None] * self.columns + axes[1][None, :, None, :]
        there = inside[0][:, None, :, None] & inside[1][None, :, None, :]
        return np.where(there, number, self.pixels).reshape(self.positions, self.taps)

    def seen(self, x: Any) -> Any:
        """What it sees, ``[..., positions, taps, channels]``, of ``x [..., elements]``."""
        pixels = x.reshape(*x.shape[:-1], self.pixels, self.channels)
        edge = np.zeros((*x.shape[:-1], 1, self.channels), x.dtype)
        return np.concatenate([pixels, edge], axis=-2)[..., self.sources, :]

    def convolved(self, x: Any, weights: Any) -> Any:
        """``W v`` of what it sees at each place: ``[batch, gates, positions * F]`` of ``x [batch, elements]``.

        weights: ``[gates, F, taps * channels]``, in the type of ``x``; channels of a pixel stand together.
        """
        gates, filters, wide = weights.shape
        matrix = weights.reshape(gates * filters, wide).T
        many = max(1, _AT_ONCE // (self.positions * wide))
        parts = []
        for begin in range(0, len(x), many):
            part = self.seen(x[begin : begin + many]).reshape(-1, wide) @ matrix
            sums = part.reshape(-1, self.positions, gates, filters)
            parts.append(sums.transpose(0, 2, 1, 3).reshape(len(sums), gates, -1))
        return np.concatenate(parts) if len(parts) > 1 else parts[0]

    def per_channel(self, name: str, values: Floats) -> Floats:
        """What a scale ``[elements]`` is of each channel, ``[channels]``.

        Raises
        ------
        InputError: pixels of a channel differ in it; ``name`` is the layer's whose window this is.
        """
        pixels = values.reshape(self.pixels, self.channels)
        if (pixels != pixels[0]).any():
            raise InputError(f"layer {name!r}: a scale of its own for each pixel has no hardware")
        return pixels[0]


def same(size: int, dilation: int, pixels: int = 0, stride: int = 1) -> Pair:
    """Zeros in front of and behind an axis of ``pixels`` with which each ``stride``-th has a place of its own."""
    places = -(-pixels // stride)
    zeros = max(0, (places - 1) * stride + (size - 1) * dilation + 1 - pixels)
    return zeros // 2, zeros - zeros // 2


def of_axes(count: int, default: int) -> Option:
    """One whole number for all of so many axes, or one for each; a default of 0 where Keras demands the option."""

    def accepts(value: Any) -> bool:
        values = value if isinstance(value, list) else [value]
        sound = all(isinstance(n, int) and not isinstance(n, bool) and 1 <= n <= MOST_TAPS for n in values)
        return sound and len(values) in (1, count)

    several = {2: "two", 3: "three"}[count]
    return Option(accepts, f"must be one or {several} whole numbers from 1 to {MOST_TAPS}", default)


def each_axis(value: Any, count: int) -> tuple[int, ...]:
    """The numbers of such an option, one an axis."""
    values = value if isinstance(value, list) else [value]
    return tuple(values) * (count // len(values))


def pair(value: Any) -> Pair:
    """Rows and columns of an option."""
    rows, columns = each_axis(value, 2)
    return rows, columns


PAIR = of_axes(2, 1)
# Options of all that slides a window of weights over maps.
PLACED = {
    "filters": UNITS,
    "kernel_size": of_axes(2, 0),
    "strides": PAIR,
    "padding": Option(lambda value: value in ("valid", "same"), "use 'valid' or 'same'", "valid"),
    "data_format": only("channels_last", None),
}


def need_sequences(described: Described) -> None:
    """Refuse a layer that is given anything but sequences of maps."""
    if described.maps is None or described.rank != 5:
        raise described.refuse("data_format", "needs sequences of maps [batch, time, rows, columns, channels]")


def window_of(described: Described) -> Window:
    """The window of a layer's options on the maps that it is given.

    Raises
    ------
    InputError: it is given none, or they are too small.
    """
    need_sequences(described)
    size, strides, dilation = (
        pair(described.options.get(name, 1)) for name in ("kernel_size", "strides", "dilation_rate")
    )
    return placed(described, size, strides, dilation)


def placed(described: Described, size: Pair, strides: Pair, dilation: Pair = (1, 1)) -> Window:
    """The window of these sizes, with what the layer's ``padding`` puts around the maps."""
    assert described.maps is not None
    padded = described.given.padding
    around = (padded.rows, padded.columns) if padded else ((0, 0), (0, 0))
    if described.options["padding"] == "same":
        if padded:
            raise described.refuse("padding", f"has no rule behind the zeros of {padded.name!r}; use 'valid'")
        axes = zip(size, dilation, described.maps, strides, strict=True)
        around = tuple(same(*axis) for axis in axes)  # type: ignore[assignment]
    (top, bottom), (left, right) = around
    window = Window(*described.maps, described.inputs, size, strides, dilation, (top, left), (bottom, right))
    window.check(f"layer {described.name!r}")
    return window


class OnMaps:
    """A layer that slides a window over maps."""

    window: Window

    @property
    def input_size(self) -> int:
        """All pixels of all channels."""
        return self.window.elements

    @property
    def given_maps(self) -> Pair:
        """Rows and columns of what it takes."""
        return self.window.rows, self.window.columns

    @property
    def maps(self) -> Pair:
        """Rows and columns of what it gives on."""
        return self.window.places


class QuantizedOnMaps(OnMaps, Layer):
    """The same in integers: how its window is stored."""

    def describe(self) -> dict[str, Any]:  # noqa: D102
        return {**super().describe(), "window": dataclasses.asdict(self.window)}

    @classmethod
    def restored(cls, fields: dict[str, Any], arrays: dict[str, Any]) -> Layer:  # noqa: D102
        return super().restored({**fields, "window": Window.restored(fields["window"])}, arrays)

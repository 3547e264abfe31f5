"""The quantized network: a chain of layers, validated on creation, saved as one file."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ffhw.arrays import npz_bytes, read_arrays
from ffhw.errors import InputError
from ffhw.files import write_atomic
from ffhw.layers import restored
from ffhw.layers.base import Floats, Ints, Layer, require
from ffhw.layers.rhythm import Rhythm
from ffhw.model.chain import Chain
from ffhw.numbers.formats import Format
from ffhw.numbers.scales import MAX_EXPONENT, channel_scales

FILE_VERSION = 2


@dataclasses.dataclass(frozen=True, eq=False)
class Network(Chain):
    """A chain of quantized layers.

    mask_value: value of the steps that are padding in data without lengths, None if there are none.
    input_exponents, output_exponents: a channel's own power of two, where channels differ much in size: its codes
        stand for values ``2^exponent`` times smaller. Empty where all have one scale. Hardware sees codes only.

    Raises
    ------
    NetworkError: no layer, or one that cannot take what the one before it gives.
    """

    name: str
    layers: tuple[Layer, ...]
    mask_value: float | None = None
    input_exponents: tuple[int, ...] = ()
    output_exponents: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        require(len(self.layers) > 0, "a network needs at least one layer")
        for before, after in itertools.pairwise(self.layers):
            link = f"layer {after.name!r} after {before.name!r}"
            require(after.input == before.output, f"{link}: takes {after.input}, is given {before.output}")
            require(
                after.input_size == before.output_size,
                f"{link}: takes {after.input_size} codes a step, is given {before.output_size}",
            )
        names = [layer.name for layer in self.layers]
        require(all(isinstance(name, str) and name for name in names), f"layers must have names, found {names}")
        require(len(set(names)) == len(names), f"layer names must differ, found {names}")
        require(isinstance(self.name, str), f"the network's name must be a text, not {self.name!r}")
        for option, size in (("input_exponents", self.input_size), ("output_exponents", self.output_size)):
            exponents = tuple(getattr(self, option))
            sound = all(type(e) is int and abs(e) <= MAX_EXPONENT for e in exponents)
            require(sound and len(exponents) in (0, size), f"{option} must be {size} whole numbers, not {exponents}")
            object.__setattr__(self, option, exponents)
        mask = self.mask_value
        require(mask is None or type(mask) in (int, float), f"mask_value must be a number or None, not {mask!r}")

    @property
    def input(self) -> Format:
        """Format of the input codes."""
        return self.layers[0].input

    @property
    def output(self) -> Format:
        """Format of the output codes."""
        return self.layers[-1].output

    @functools.cached_property
    def max_steps(self) -> int | None:  # type: ignore[override]
        """Steps of the longest sequence of which no layer gets more than it can take; None where there is none."""
        rhythm, most = Rhythm(), []
        for layer in self.layers:
            if layer.max_steps is not None and not rhythm.once:
                most.append(rhythm.longest(layer.max_steps))
            rhythm = rhythm.then(layer.rhythm)
        return min(most, default=None)

    @property
    def guarded(self) -> bool:
        """Whether there are sequences too short or too long for it, which hardware completes or cuts, and marks."""
        return self.rhythm.least > 1 or self.max_steps is not None

    @property
    def integer_bits(self) -> int:
        """Width of the integers that hold every intermediate number of the golden model's: 32 or 64.

        Raises
        ------
        InputError: some number fits neither.
        """
        largest = max(self.layers, key=lambda layer: layer.largest_number)
        if largest.largest_number >= 1 << 63:
            reach = f"numbers reach {float(largest.largest_number):.1e}, over 64 bits"
            raise InputError(f"layer {largest.name!r}: {reach}: use fewer bits")
        return 32 if largest.largest_number < 1 << 31 else 64

    def generic(self) -> Network:
        """The network with hardware for any weights of its formats."""
        return dataclasses.replace(self, layers=tuple(layer.generic() for layer in self.layers))

    def encode(self, x: ArrayLike) -> Ints:
        """Input codes of real inputs ``[..., D]``: scaled, rounded half up, saturated."""
        return self.input.quantize(np.asarray(x, dtype=np.float64) * channel_scales(self.input_exponents))

    def saturates(self, x: ArrayLike) -> NDArray[np.bool_]:
        """Which real inputs ``[..., D]`` lie outside what an input code can say."""
        scaled = np.asarray(x, dtype=np.float64) * channel_scales(self.input_exponents) * self.input.scale
        return (scaled >= self.input.max + 0.5) | (scaled < self.input.min - 0.5)

    def values(self, outputs: Ints) -> Floats:
        """Real values of output codes ``[..., N]``."""
        return self.output.dequantize(outputs) / channel_scales(self.output_exponents)

    def decode(self, outputs: Ints) -> Floats:
        """Real answers of output codes, with the softmax the float model ends in; class numbers stay numbers."""
        return self.layers[-1].decode(outputs) / channel_scales(self.output_exponents)

    @functools.cached_property
    def stateful_layers(self) -> tuple[Layer, ...]:
        """The layers that have a state, in order."""
        return tuple(layer for layer in self.layers if layer.state_size)

    def describe(self) -> dict[str, Any]:
        """Structure without the arrays, as plain JSON data."""
        layers = [layer.describe() for layer in self.layers]
        scales = {"input_exponents": list(self.input_exponents), "output_exponents": list(self.output_exponents)}
        return {"name": self.name, "mask_value": self.mask_value, **scales, "layers": layers}

    def to_bytes(self) -> bytes:
        """The file content that :meth:`save` writes; equal networks give equal bytes."""
        header = json.dumps({"ffhw_network": FILE_VERSION, **self.describe()}, sort_keys=True)
        arrays = {f"{i}.{name}": array for i, layer in enumerate(self.layers) for name, array in layer.stored().items()}
        return npz_bytes({"header": np.frombuffer(header.encode(), np.uint8), **arrays})

    def save(self, path: Path | str) -> None:
        """Write the network to one file, whole or not at all."""
        write_atomic(Path(path), self.to_bytes())

    @classmethod
    def load(cls, path: Path | str) -> Network:
        """Read a file that :meth:`save` wrote. Nothing stored in it is executed.

        Raises
        ------
        InputError: the file is missing, damaged, of another kind, or holds a network that contradicts itself.
        """
        path = Path(path)
        try:
            arrays = read_arrays(path)
        except InputError as error:
            if not path.is_file():
                raise
            raise InputError(f"{path} is not a quantized network written by ffhw ({error})") from None
        return cls.from_arrays(arrays, str(path))

    @classmethod
    def from_arrays(cls, arrays: dict[str, Any], where: str) -> Network:
        """Network in the arrays that :meth:`to_bytes` wrote; ``where`` is their file, for messages.

        Raises
        ------
        InputError: they are of another kind, or hold a network that contradicts itself.
        """
        try:
            header = json.loads(bytes(arrays["header"].astype(np.uint8)).decode())
            if header.pop("ffhw_network") != FILE_VERSION:
                raise InputError(f"{where} was written by another version of ffhw: export the model again")
            own = [
                {k.removeprefix(f"{i}."): a for k, a in arrays.items() if k.startswith(f"{i}.")}
                for i in range(len(header["layers"]))
            ]
            layers = [restored(*pair) for pair in zip(header.pop("layers"), own, strict=True)]
            return cls(layers=tuple(layers), **header)
        except InputError:
            raise
        except (KeyError, TypeError, AttributeError, ValueError, OverflowError, RecursionError) as error:
            raise InputError(f"{where} is not a quantized network written by ffhw ({error})") from None

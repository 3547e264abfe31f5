"""What the float and the quantized network answer alike: both are chains of layers."""

from __future__ import annotations

import functools
from typing import Any

from ffhw.layers.base import Head, SameSize
from ffhw.layers.rhythm import Rhythm
from ffhw.model.data import Signature


class Chain:
    """A chain of layers, each a :class:`ffhw.layers.base.Link`."""

    layers: tuple[Any, ...]
    mask_value: float | None

    @property
    def input_size(self) -> int:
        """Inputs a step."""
        return int(self.layers[0].input_size)

    @property
    def output_size(self) -> int:
        """Outputs a step."""
        return int(self.layers[-1].output_size)

    @property
    def return_sequences(self) -> bool:
        """Whether every step gives an output, or the last step of a sequence only."""
        return not self.rhythm.once

    @functools.cached_property
    def rhythm(self) -> Rhythm:
        """Which steps of a sequence are answered."""
        return functools.reduce(Rhythm.then, (layer.rhythm for layer in self.layers), Rhythm())

    @property
    def max_steps(self) -> int | None:
        """Steps of the longest sequence that the chain can take; None where it can take any."""
        return None

    @property
    def head(self) -> Head:
        """What the answers are."""
        head: Head = self.layers[-1].head
        return head

    @property
    def given_maps(self) -> tuple[int, int] | None:
        """Rows and columns of inputs that are maps, None of vectors; what gives on what it is given knows neither."""
        first = next((layer for layer in self.layers if not isinstance(layer, SameSize)), None)
        return first.given_maps if first is not None else None

    @property
    def maps(self) -> tuple[int, int] | None:
        """Rows and columns of outputs that are maps, None of vectors."""
        maps: tuple[int, int] | None = self.layers[-1].maps
        return maps

    def at_once(self, steps: int, numbers: int) -> int:
        """Sequences of so many steps for which no layer gives more than so many numbers; at least one."""
        widest = max(max(layer.input_size, layer.output_size) for layer in self.layers)
        return max(1, numbers // (steps * int(widest)))

    @property
    def signature(self) -> Signature:
        """What the network takes and answers."""
        return Signature(
            inputs=self.input_size,
            outputs=self.layers[-1].answers,
            head=self.head,
            rhythm=self.rhythm,
            max_steps=self.max_steps,
            tokens=self.layers[0].tokens,
            mask_value=self.mask_value,
            given_maps=self.given_maps,
            maps=self.maps,
        )

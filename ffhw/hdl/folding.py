"""Folding: how much of a layer's arithmetic exists as hardware, and which step of its work happens in which cycle.

An engine has ``lanes`` P units in flight and takes ``simd`` S vector elements a cycle. The units of a layer are worked
off in groups of P; a group takes one cycle for each word of S inputs, then one for each word of S states.
"""

from __future__ import annotations

import dataclasses
import math

from ffhw.errors import InputError
from ffhw.layers import DenseLayer, EmbeddingLayer, JKLayer, Layer
from ffhw.network import Network


@dataclasses.dataclass(frozen=True)
class Folding:
    """Hardware of one engine.

    Parameters
    ----------
    lanes: P, units worked on at once.
    simd: S, vector elements multiplied a cycle, in each lane and gate.
    finishers: F, units finished a cycle; divides P, and S of this engine (for the state) and of the next one.
    """

    lanes: int
    simd: int
    finishers: int = 1


@dataclasses.dataclass(frozen=True)
class Schedule:
    """Sizes and counts that follow from a weighted layer and its folding; the engine is built from these numbers."""

    units: int
    inputs: int
    states: int  # elements of the recurrent vector: N, or 0 in a dense layer
    gates: int  # accumulators a lane: 2 (J and K), or 1
    folding: Folding

    @property
    def groups(self) -> int:
        """``ceil(N / P)``."""
        return -(-self.units // self.folding.lanes)

    @property
    def x_words(self) -> int:
        """``ceil(D / S)``."""
        return -(-self.inputs // self.folding.simd)

    @property
    def h_words(self) -> int:
        """``ceil(N / S)``, 0 without a recurrent vector."""
        return -(-self.states // self.folding.simd)

    @property
    def group_words(self) -> int:
        """Cycles of products a group needs."""
        return self.x_words + self.h_words

    @property
    def ideal_cycles(self) -> int:
        """C, cycles a time step: ``ceil(N / P) * (ceil(D / S) + ceil(N / S))``."""
        return self.groups * self.group_words

    @property
    def group_beats(self) -> int:
        """Beats in which the finishers take a full group's accumulators."""
        return self.folding.lanes // self.folding.finishers

    @property
    def group_pause(self) -> int:
        """Idle cycles after each group, where finishing it takes longer than its products."""
        return max(0, self.group_beats - self.group_words)

    @property
    def step_beats(self) -> int:
        """Beats of F units that a step's result takes."""
        return -(-self.units // self.folding.finishers)

    @property
    def multiplications(self) -> int:
        """Products a step, padding excluded."""
        return self.gates * self.units * (self.inputs + self.states)

    @property
    def macs(self) -> int:
        """Multipliers of the lanes."""
        return self.gates * self.folding.lanes * self.folding.simd


def schedule(layer: JKLayer | DenseLayer, folding: Folding) -> Schedule:
    """Schedule of a layer at a folding."""
    recurrent = isinstance(layer, JKLayer)
    return Schedule(layer.units, layer.input_size, layer.units if recurrent else 0, 2 if recurrent else 1, folding)


def fold(network: Network, lanes: int, simd: int) -> tuple[Folding | None, ...]:
    """One folding an engine from a wish for all of them; None for an embedding, which has no multipliers.

    ``lanes`` and ``simd`` are cut to what a layer can use. The finishers are as few as keep up with the lanes.

    Raises
    ------
    InputError: a number below 1.
    """
    for name, value in (("--lanes", lanes), ("--simd", simd)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise InputError(f"{name} must be a whole number of at least 1, not {value!r}")
    wishes = [
        None if isinstance(layer, EmbeddingLayer) else Folding(min(lanes, layer.units), min(simd, _longest(layer)))
        for layer in network.layers
    ]
    return complete(network, wishes)


def complete(network: Network, wishes: list[Folding | None]) -> tuple[Folding | None, ...]:
    """The same foldings with the number of finishers that each engine needs."""
    result: list[Folding | None] = []
    for number, (layer, wish) in enumerate(zip(network.layers, wishes, strict=True)):
        if isinstance(layer, EmbeddingLayer) or wish is None:
            result.append(None)
            continue
        after = wishes[number + 1] if number + 1 < len(wishes) else None
        result.append(dataclasses.replace(wish, finishers=_finishers(layer, wish, after)))
    return tuple(result)


def _longest(layer: Layer) -> int:
    return max(layer.input_size, layer.units if isinstance(layer, JKLayer) else 1)


def _finishers(layer: JKLayer | DenseLayer, wish: Folding, after: Folding | None) -> int:
    """Fewest finishers that empty a group's lanes while the next group is computed.

    Results go to the state memory and to the next engine in beats that must divide their words evenly, hence a common
    divisor of all widths; where no divisor is fast enough the largest one is used and each group pauses.
    """
    if isinstance(layer, DenseLayer) and layer.activation == "argmax":
        return 1  # candidates are compared one after the other
    common = wish.lanes
    if isinstance(layer, JKLayer):
        common = math.gcd(common, wish.simd)
    if after is not None:
        common = math.gcd(common, after.simd)
    words = schedule(layer, wish).group_words
    divisors = [f for f in range(1, common + 1) if common % f == 0]
    return next((f for f in divisors if wish.lanes // f <= words), divisors[-1])

"""Folding: how much of a layer's arithmetic exists as hardware, and which step of its work happens in which cycle.

An engine has ``lanes`` P units in flight and takes ``simd`` S vector elements a cycle. The units of a layer are worked
off in groups of P; a group takes one cycle for each word of S inputs, then one for each word of S states. Where gates
depend on other gates, all units are worked off once for each gate, in rounds.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from ffhw.layers.weighted import WeightedLayer


@dataclasses.dataclass(frozen=True)
class Folding:
    """Hardware of one engine.

    Parameters
    ----------
    lanes: P, units worked on at once.
    simd: S, vector elements multiplied a cycle, in each lane and gate.
    finishers: F, units finished a cycle; divides P, and S of this engine (for the state) and of the next one.
    style: of which engines it is one, see :mod:`ffhw.hdl.plan.styles`.
    """

    lanes: int
    simd: int
    finishers: int = 1
    style: str = "lanes"

    def describe(self) -> dict[str, Any]:
        """Plain JSON data; of lanes, which most designs are made of, the style is not mentioned."""
        fields = dataclasses.asdict(self)
        if self.style == "lanes":
            del fields["style"]
        return fields


# One an engine; None for an engine that has nothing to fold.
Foldings = tuple[Folding | None, ...]


@dataclasses.dataclass(frozen=True)
class Schedule:
    """Sizes and counts that follow from a weighted layer and its folding; the engine is built from these numbers."""

    units: int
    inputs: int
    states: int  # elements of the recurrent vector: N, or 0 without one
    gates: int  # products a lane and element
    sums: int  # accumulators a lane: one a gate, two of a gate whose recurrent sum is kept apart
    folding: Folding
    rounds: int = 1  # times a step that all units are worked off
    dependent: int = 0  # rounds, the last ones, that multiply another vector than the states

    @property
    def groups(self) -> int:
        """``ceil(N / P)``, those of a round."""
        return -(-self.units // self.folding.lanes)

    @property
    def step_groups(self) -> int:
        """Groups of all rounds."""
        return self.rounds * self.groups

    @property
    def free_groups(self) -> int:
        """Those of them that multiply the states themselves."""
        return (self.rounds - self.dependent) * self.groups

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
        """C, cycles a time step: ``ceil(N / P) * (ceil(D / S) + ceil(N / S))`` in each round."""
        return self.step_groups * self.group_words

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
    def sum_beats(self) -> int:
        """Beats of F units that the sums of all rounds take."""
        return self.rounds * self.step_beats

    @property
    def multiplications(self) -> int:
        """Products a step, padding excluded."""
        return self.rounds * self.gates * self.units * (self.inputs + self.states)

    @property
    def macs(self) -> int:
        """Multipliers of the lanes."""
        return self.gates * self.folding.lanes * self.folding.simd


def schedule(layer: WeightedLayer, folding: Folding) -> Schedule:
    """Schedule of a layer at a folding."""
    rounds = layer.rounds
    gates, sums = layer.gates // rounds, layer.sums // rounds
    return Schedule(layer.units, layer.input_size, layer.recurrent_size, gates, sums, folding, rounds, layer.dependent)

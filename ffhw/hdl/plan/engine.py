"""What the plan of an engine must answer, whatever its kind: foldings, cycles, memories, multipliers.

Beside the engines of each style stands one file a kind with the class ``PLAN``.
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

from ffhw.hdl.plan.folding import Folding
from ffhw.hdl.plan.memory import Memory
from ffhw.hdl.plan.styles import plan_of
from ffhw.layers.base import Layer


@dataclasses.dataclass(frozen=True)
class EnginePerformance:
    """Figures of one engine.

    macs: multipliers of the lanes, ``products_per_step`` of the network's products share them; ``multipliers`` are all.
    Memory bits count payload, padding of lanes included. network_steps: of the network's input, for one step that this
    engine answers.
    """

    name: str
    kind: str
    lanes: int
    simd: int
    finishers: int
    ideal_cycles_per_step: int
    stall_cycles_per_step: int
    cycles_per_step: int
    multipliers: int
    macs: int
    products_per_step: int
    mac_utilisation: float
    memory_bits: int
    network_steps: int = 1


@dataclasses.dataclass(frozen=True)
class EnginePlan:
    """An engine before it exists.

    Parameters
    ----------
    layer: what it computes. folding: how much of it exists at once; None where there is nothing to fold.
    after: folding of the engine behind it, None if there is none.
    before_width: elements a beat of the engine before it, None if there is none.
    """

    transparent: ClassVar[bool] = False  # beats go out as they came in, as wide as they were

    layer: Any
    folding: Any
    after: Folding | None = None
    before_width: int | None = None

    @classmethod
    def wish(cls, layer: Any, lanes: int, simd: int) -> Folding | None:
        """The folding nearest to ``lanes`` and ``simd`` that the layer can use; its finishers are still to be found."""
        raise NotImplementedError

    @classmethod
    def complete(cls, layer: Any, wish: Folding, after: Folding | None) -> Folding:
        """The folding with the number of finishers that it needs."""
        raise NotImplementedError

    @classmethod
    def options(cls, layer: Any) -> dict[int, Folding | None]:
        """For each pace in cycles a step, the folding with the fewest multipliers."""
        raise NotImplementedError

    @property
    def input_width(self) -> int:
        """Elements a beat of the engine's input, where it is a design's first."""
        raise NotImplementedError

    @property
    def output_width(self) -> int:
        """Elements a beat of the engine's output."""
        raise NotImplementedError

    @property
    def state_width(self) -> int:
        """Elements a beat of the streams that load and give the engine's state; 0 without a state."""
        return 0

    @property
    def probes(self) -> list[tuple[str, Layer, int]]:
        """What shows its signals: a name, empty of the engine itself; whose signals; how many units at once."""
        return []

    def arrivals(self, before: list[int], width: int) -> list[int]:
        """Cycles in which a lone first step's results leave, from those in which its beats of ``width`` arrive."""
        raise NotImplementedError

    def sequence_cycles(self, steps: int) -> int:
        """Cycles between sequences of ``steps`` steps that follow each other, where nothing else is slower."""
        return steps * self.performance().cycles_per_step

    def memories(self) -> list[Memory]:
        """Each memory that is built."""
        raise NotImplementedError

    def products(self) -> list[tuple[int, int, int]]:
        """Multipliers: how many, and the widths of their factors, both signed or both not."""
        raise NotImplementedError

    def useful_products(self) -> tuple[int, int]:
        """Products a step that the network asks for, and multipliers of the lanes that compute them."""
        raise NotImplementedError

    def luts(self) -> int:
        """Lookup tables, an estimate."""
        raise NotImplementedError

    def performance(self) -> EnginePerformance:
        """Figures of the engine."""
        raise NotImplementedError


def plan_class(layer: Layer, style: str = "lanes") -> type[EnginePlan]:
    """The plan of a layer's kind.

    Raises
    ------
    InputError: there is no hardware of this style for this kind.
    """
    found: type[EnginePlan] = plan_of(layer, style)
    return found

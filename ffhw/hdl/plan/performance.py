"""The performance model: cycles and resources of a design before it exists.

The numbers are those of the RTL, to the cycle; tests hold them against simulation.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence
from fractions import Fraction

from ffhw.hdl.plan.chain import plans
from ffhw.hdl.plan.engine import EnginePerformance
from ffhw.hdl.plan.folding import Folding
from ffhw.layers.rhythm import Rhythm
from ffhw.model.network import Network


@dataclasses.dataclass(frozen=True)
class Performance:
    """Figures of a design.

    cycles_per_step: cycles between steps in the steady state, with input always there and output always taken; rounded
        up where a layer answers not every step, and exactly ``period_cycles`` for each ``period_steps``.
    latency_cycles: from the cycle that accepts the first beat of a step to the one that gives the last beat of its
        answer, where the design was at rest before: of a lone step, or of the last one that a first answer needs. Where
        whole sequences are stored, of a sequence of one step; what needs several steps takes some more.
    """

    engines: tuple[EnginePerformance, ...]
    cycles_per_step: int
    period_steps: int
    period_cycles: int
    latency_cycles: int
    multipliers: int
    memory_bits: int

    def to_dict(self) -> dict[str, object]:
        """Plain JSON data."""
        return dataclasses.asdict(self)


def predict(network: Network, foldings: Sequence[Folding | None]) -> Performance:
    """Figures of the design that :class:`ffhw.hdl.design.Design` builds from the same arguments."""
    chain = plans(network, foldings)
    width = chain[0].input_width
    # arrival of each beat of the step at the input of the next engine, in cycles
    arrivals = list(range(-(-network.input_size // width)))
    for plan in chain:
        arrivals = plan.arrivals(arrivals, width)
        width = plan.output_width
    engines = _engines(network, [plan.performance() for plan in chain])
    # behind a layer that answers once a sequence, nothing has a pace
    paced = itertools.takewhile(lambda pair: not pair[1].once, zip(engines, _rhythms(network), strict=False))
    pace = max(Fraction(engine.cycles_per_step, engine.network_steps) for engine, _ in paced)
    period = network.rhythm.stride
    return Performance(
        engines=engines,
        cycles_per_step=math.ceil(pace),
        period_steps=period,
        period_cycles=int(pace * period),
        latency_cycles=arrivals[-1],
        multipliers=sum(engine.multipliers for engine in engines),
        memory_bits=sum(engine.memory_bits for engine in engines),
    )


def _rhythms(network: Network) -> list[Rhythm]:
    """The rhythm in which each layer is given steps, by the network's steps."""
    return list(itertools.accumulate((layer.rhythm for layer in network.layers), Rhythm.then, initial=Rhythm()))[:-1]


def _engines(network: Network, alone: list[EnginePerformance]) -> tuple[EnginePerformance, ...]:
    """Figures of engines that know of how many of the network's steps one of theirs is."""
    strides = itertools.accumulate((layer.rhythm.stride for layer in network.layers), lambda a, b: a * b)
    pairs = zip(alone, strides, strict=True)
    return tuple(dataclasses.replace(engine, network_steps=stride) for engine, stride in pairs)

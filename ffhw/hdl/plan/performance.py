"""The performance model: cycles and resources of a design before it exists.

The numbers are those of the RTL, to the cycle; tests hold them against simulation.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ffhw.hdl.plan.chain import plans
from ffhw.hdl.plan.engine import EnginePerformance
from ffhw.hdl.plan.folding import Folding
from ffhw.model.network import Network


@dataclasses.dataclass(frozen=True)
class Performance:
    """Figures of a design.

    cycles_per_step: cycles between steps in the steady state, with input always there and output always taken.
    latency_cycles: from the cycle that accepts the first beat of a lone step to the one that gives its last beat.
    """

    engines: tuple[EnginePerformance, ...]
    cycles_per_step: int
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
    engines = tuple(plan.performance() for plan in chain)
    return Performance(
        engines=engines,
        cycles_per_step=max(engine.cycles_per_step for engine in engines),
        latency_cycles=arrivals[-1],
        multipliers=sum(engine.multipliers for engine in engines),
        memory_bits=sum(engine.memory_bits for engine in engines),
    )

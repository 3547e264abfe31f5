"""The designs of a quantized network that are worth a look, by prediction."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ffhw.explore.front import beats
from ffhw.hdl.plan.chain import fold
from ffhw.hdl.plan.choose import needs, overflow, paces, steps_a_second
from ffhw.hdl.plan.devices import Device
from ffhw.hdl.plan.folding import Foldings
from ffhw.hdl.plan.performance import predict
from ffhw.model.network import Network


@dataclasses.dataclass(frozen=True)
class Design:
    """A folding, and what it takes of a device and gives, by prediction."""

    foldings: Foldings
    luts: int
    multipliers: int
    blocks: int
    steps_per_second: float

    def beats(self, other: Design) -> bool:
        """Whether it is at least as fast, takes no more of anything, and is better in one of these."""
        ours, theirs = ((-d.luts, -d.multipliers, -d.blocks, d.steps_per_second) for d in (self, other))
        return beats(ours, theirs)


def spread(network: Network, device: Device, most: int) -> list[Design]:
    """At most so many designs that fit and that no other one beats, evenly from the smallest to the fastest."""
    found = [design for design in (_design(network, f, device) for f in paces(network)) if not over(design, device)]
    best = [one for one in found if not any(other.beats(one) for other in found)]
    best.sort(key=lambda design: design.steps_per_second)
    places = np.linspace(0, len(best) - 1, min(most, len(best))).round().astype(int)
    return [best[place] for place in places]


def grid(network: Network, device: Device, lanes: Sequence[int], simd: Sequence[int]) -> list[Design]:
    """The design of each pair, whether it fits or not; pairs that give the same one stand once."""
    foldings = dict.fromkeys(fold(network, *pair) for pair in itertools.product(lanes or (1,), simd or (1,)))
    return [_design(network, each, device) for each in foldings]


def _design(network: Network, foldings: Foldings, device: Device) -> Design:
    return Design(
        foldings, **needs(network, foldings, device), steps_per_second=steps_a_second(network, foldings, device)
    )


def over(design: Design, device: Device) -> list[str]:
    """What the design takes more of than there is."""
    return overflow({name: getattr(design, name) for name in device.available()}, device)


def described(network: Network, design: Design, device: Device) -> dict[str, Any]:
    """Plain JSON data of a design: its folding as `ffhw export` takes it, and its figures."""
    performance = predict(network, design.foldings)
    lanes, simd = wishes(design.foldings)
    # the folding is told by what the user can say
    assert fold(network, lanes or 1, simd or 1) == design.foldings
    return {
        "lanes": lanes,
        "simd": simd,
        "luts": design.luts,
        "multipliers": design.multipliers,
        "block_rams": design.blocks,
        "memory_bits": performance.memory_bits,
        "fmax_mhz": round(device.family.fmax_mhz(design.multipliers), 1),
        "cycles_per_step": performance.cycles_per_step,
        "latency_cycles": performance.latency_cycles,
        "steps_per_second": round(design.steps_per_second, 1),
        "over": over(design, device),
    }


def wishes(foldings: Foldings) -> tuple[list[int], list[int]]:
    """Lanes and elements a cycle of each layer that can be folded."""
    found = [folding for folding in foldings if folding is not None]
    return [folding.lanes for folding in found], [folding.simd for folding in found]

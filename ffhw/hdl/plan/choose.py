"""Choosing a folding: the fastest design that a device has room for."""

from __future__ import annotations

from ffhw.errors import FitError
from ffhw.hdl.plan.chain import complete, plans
from ffhw.hdl.plan.devices import Device
from ffhw.hdl.plan.engine import plan_class
from ffhw.hdl.plan.folding import Foldings
from ffhw.hdl.plan.performance import predict
from ffhw.model.network import Network

# Memories below this many bits become lookup tables or registers.
SMALL_MEMORY_BITS = 512


def needs(network: Network, foldings: Foldings, device: Device) -> dict[str, int]:
    """Multipliers, memory blocks and lookup tables that a design takes of a device, by prediction."""
    chain = plans(network, foldings)
    family = device.family
    shapes = [shape for plan in chain for shape in plan.memories()]
    return {
        "multipliers": sum(count * family.multipliers(a, b) for plan in chain for count, a, b in plan.products()),
        "blocks": sum(family.blocks(width, depth) for width, depth in shapes if width * depth > SMALL_MEMORY_BITS),
        "luts": sum(plan.luts() for plan in chain),
    }


def fits(network: Network, foldings: Foldings, device: Device) -> bool:
    """Whether the prediction stays within the device."""
    need, room = needs(network, foldings, device), device.available()
    return all(need[name] <= room[name] for name in need)


def choose(network: Network, device: Device, title: str | None = None) -> Foldings:
    """Fastest folding that fits the device by prediction; of equally fast ones, that with the fewest multipliers.

    The slowest engine sets the pace, so each layer gets just the hardware that keeps up with it.

    Parameters
    ----------
    title: what to call the device, where it is known by the board that it stands on.

    Raises
    ------
    FitError: not even one multiplier a gate fits; says what overflows.
    """
    options = [plan_class(layer).options(layer) for layer in network.layers]
    paces = sorted({cycles for layer in options for cycles in layer})
    slowest_start = max(min(layer) for layer in options)
    best: Foldings | None = None
    for pace in (p for p in paces if p >= slowest_start):
        wishes = [layer[max(c for c in layer if c <= pace)] for layer in options]
        foldings = complete(network, wishes)
        if fits(network, foldings, device) and (
            best is None or predict(network, foldings).cycles_per_step < predict(network, best).cycles_per_step
        ):
            best = foldings
            if predict(network, foldings).cycles_per_step <= pace:
                return foldings
    if best is None:
        smallest = complete(network, [layer[max(layer)] for layer in options])
        need, room = needs(network, smallest, device), device.available()
        over = [f"{name} {need[name]} of {room[name]}" for name in need if need[name] > room[name]]
        raise FitError(
            f"no folding fits {title or device.title}: one lane already takes {' and '.join(over)}; "
            "use fewer units, fewer bits or a larger device"
        )
    return best

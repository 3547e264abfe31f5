"""Choosing a folding: the fastest design that a device has room for, or the smallest that holds a rate."""

from __future__ import annotations

from ffhw.errors import FitError
from ffhw.hdl.plan.chain import complete, plans
from ffhw.hdl.plan.devices import Device
from ffhw.hdl.plan.engine import plan_class
from ffhw.hdl.plan.folding import Foldings
from ffhw.hdl.plan.performance import predict
from ffhw.hdl.plan.styles import style_named
from ffhw.model.network import Network

# What a design must be faster than a wanted rate by: Fmax differs from its estimate, and from placement to placement.
MARGIN = 0.15
# Share of the fastest design's steps a second that a smaller one may lack.
CLOSE = 0.05


def needs(network: Network, foldings: Foldings, device: Device) -> dict[str, int]:
    """Multipliers, memory blocks and lookup tables that a design takes of a device, by prediction."""
    chain = plans(network, foldings)
    family = device.family
    memories = [(memory, device.memory_blocks(memory)) for plan in chain for memory in plan.memories()]
    products = [product for plan in chain for product in plan.products()]
    logic = sum(plan.luts() for plan in chain)
    logic += sum(family.memory_luts(memory) for memory, blocks in memories if not blocks)
    return {
        "multipliers": sum(count * family.multipliers(a, b) for count, a, b in products),
        "blocks": sum(blocks for _, blocks in memories),
        "luts": logic + sum(count * family.product_luts(a, b) for count, a, b in products),
    }


def overflow(need: dict[str, int], device: Device) -> list[str]:
    """What :func:`needs` tells more of than there is, in words."""
    room = device.available()
    return [f"{name} {need[name]} of {room[name]}" for name in need if need[name] > room[name]]


def fits(network: Network, foldings: Foldings, device: Device) -> bool:
    """Whether the prediction stays within the device."""
    return not overflow(needs(network, foldings, device), device)


def choose(
    network: Network,
    device: Device,
    title: str | None = None,
    rate: float | None = None,
    style: str = "lanes",
) -> Foldings:
    """The folding that a device should have.

    With a rate, the one with the fewest multipliers that holds it with a margin; of least logic, where none takes more
    multipliers than another, as where weights need none. Else the one of the most steps a second, or of those that come
    close to it the one with the fewest multipliers: they are placed and routed in minutes where the largest take hours.
    The slowest engine sets the pace, so each layer gets just the hardware that keeps up with it.

    Parameters
    ----------
    title: what to call the device, where it is known by the board that it stands on.
    rate: steps a second that the design must hold. style: of its engines.

    Raises
    ------
    FitError: not even one multiplier a gate fits, and what overflows; or no design that fits is fast enough.
    """
    candidates = [foldings for foldings in paces(network, style) if fits(network, foldings, device)]
    if not candidates:
        raise FitError(_overflow(network, device, title or device.title, style))
    expected = [steps_a_second(network, foldings, device) for foldings in candidates]
    wanted = (1 - CLOSE) * max(expected)
    if rate is not None:
        wanted = rate * (1 + MARGIN)
        if max(expected) < wanted:
            raise FitError(
                f"no design for {title or device.title} holds {rate:,.0f} steps a second with a margin of "
                f"{MARGIN:.0%}: the fastest is expected to do {max(expected):,.0f}; use fewer units, fewer bits or a "
                "larger device"
            )
    enough = [pair for pair in zip(candidates, expected, strict=True) if pair[1] >= wanted]
    need = {foldings: needs(network, foldings, device) for foldings, _ in enough}
    # where multipliers do not tell designs apart, logic tells which one is the smallest; else the faster one of equals
    by_logic = rate is not None and len({found["multipliers"] for found in need.values()}) == 1

    def cost(pair: tuple[Foldings, float]) -> tuple[float, float]:
        foldings, speed = pair
        return (need[foldings]["luts"] if by_logic else need[foldings]["multipliers"]), -speed

    return min(enough, key=cost)[0]


def steps_a_second(network: Network, foldings: Foldings, device: Device) -> float:
    """Steps a second to expect of a design, by the estimate of its Fmax."""
    multipliers = needs(network, foldings, device)["multipliers"]
    return device.family.fmax_mhz(multipliers) * 1e6 / predict(network, foldings).cycles_per_step


def paces(network: Network, style: str = "lanes") -> list[Foldings]:
    """For each pace that some engine can have, the smallest design in which every engine keeps it."""
    options = [plan_class(layer, style).options(layer) for layer in network.layers]
    slowest_start = max(min(layer) for layer in options)
    every = sorted({cycles for layer in options for cycles in layer if cycles >= slowest_start})
    found = [complete(network, [layer[max(c for c in layer if c <= pace)] for layer in options]) for pace in every]
    return list(dict.fromkeys(found))


def _overflow(network: Network, device: Device, title: str, style: str) -> str:
    """What does not fit of the smallest design there is."""
    options = [plan_class(layer, style).options(layer) for layer in network.layers]
    smallest = complete(network, [layer[max(layer)] for layer in options])
    over = overflow(needs(network, smallest, device), device)
    return (
        f"no folding fits {title}: {style_named(style).smallest} already takes {' and '.join(over)}; "
        "use fewer units, fewer bits or a larger device"
    )

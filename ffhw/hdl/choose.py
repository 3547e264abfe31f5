"""Choosing a folding: the fastest design that a device has room for."""

from __future__ import annotations

import math

from ffhw.boards.catalogue import Board
from ffhw.errors import FitError
from ffhw.hdl.folding import Folding, complete, schedule
from ffhw.hdl.performance import layer_cycles, memories, operand_bits, predict
from ffhw.layers import DenseLayer, EmbeddingLayer, JKLayer
from ffhw.network import Network

Foldings = tuple[Folding | None, ...]
# Memories below this many bits become lookup tables or registers.
SMALL_MEMORY_BITS = 512
# Lookup tables of an engine without its accumulators, and the share of a device's that a design may take.
ENGINE_LUTS = 500
MOST_LUTS = 0.7


def needs(network: Network, foldings: Foldings, board: Board) -> dict[str, int]:
    """Multipliers, memory blocks and lookup tables that a design takes of a board's device, by prediction.

    Lookup tables are an estimate: each accumulator with its adder and its place in line takes about three a bit, each
    further product of a lane one adder, the rest of an engine some hundreds (fitted to benchmarks/ulx3s_lanes).
    """
    multipliers = blocks = luts = 0
    for number, (layer, folding) in enumerate(zip(network.layers, foldings, strict=True)):
        after = foldings[number + 1] if number + 1 < len(foldings) else None
        for width, depth in memories(layer, folding, after):
            if width * depth > SMALL_MEMORY_BITS:
                blocks += board.family.blocks(width, depth)
        if isinstance(layer, EmbeddingLayer) or folding is None:
            continue
        plan = schedule(layer, folding)
        accumulators = plan.gates * folding.lanes
        luts += ENGINE_LUTS + 3 * accumulators * layer.acc_width
        luts += accumulators * (folding.simd - 1) * (operand_bits(layer) + layer.weight_bits)
        multipliers += plan.macs * board.family.multipliers(operand_bits(layer), layer.weight_bits)
        if isinstance(layer, JKLayer):
            bits = layer.state.bits + 1
            multipliers += 2 * folding.finishers * board.family.multipliers(bits, bits)
    return {"multipliers": multipliers, "blocks": blocks, "luts": luts}


def fits(network: Network, foldings: Foldings, board: Board) -> bool:
    """Whether the prediction stays within the board's device."""
    need = needs(network, foldings, board)
    room = available(board)
    return all(need[name] <= room[name] for name in need)


def available(board: Board) -> dict[str, int]:
    """What a design may take of a board's device: a device filled to the brim routes slowly, if at all."""
    return {"multipliers": board.multipliers, "blocks": board.blocks, "luts": round(MOST_LUTS * board.luts)}


def choose(network: Network, board: Board) -> Foldings:
    """Fastest folding that fits the board by prediction; of equally fast ones, that with the fewest multipliers.

    The slowest engine sets the pace, so each layer gets just the hardware that keeps up with it.

    Raises
    ------
    FitError: not even one multiplier a gate fits; says what overflows.
    """
    options = [_options(layer) for layer in network.layers]
    paces = sorted({cycles for layer in options for cycles in layer})
    slowest_start = max(min(layer) for layer in options)
    best: Foldings | None = None
    for pace in (p for p in paces if p >= slowest_start):
        wishes = [layer[max(c for c in layer if c <= pace)] for layer in options]
        foldings = complete(network, wishes)
        if fits(network, foldings, board) and (
            best is None or predict(network, foldings).cycles_per_step < predict(network, best).cycles_per_step
        ):
            best = foldings
            if predict(network, foldings).cycles_per_step <= pace:
                return foldings
    if best is None:
        smallest = complete(network, [layer[max(layer)] for layer in options])
        need = needs(network, smallest, board)
        over = [f"{name} {need[name]} of {room}" for name, room in available(board).items() if need[name] > room]
        raise FitError(
            f"no folding fits {board.title}: one lane already takes {' and '.join(over)}; "
            "use fewer units, fewer bits or a larger device"
        )
    return best


def _options(layer: JKLayer | DenseLayer | EmbeddingLayer) -> dict[int, Folding | None]:
    """For each pace, cycles a step, the folding with the fewest multipliers."""
    if isinstance(layer, EmbeddingLayer):
        return {1: None}
    result: dict[int, Folding | None] = {}
    cost: dict[int, int] = {}
    longest = max(layer.input_size, layer.units if isinstance(layer, JKLayer) else 1)
    lanes = sorted({math.ceil(layer.units / groups) for groups in range(1, layer.units + 1)})
    for simd in (s for s in (1, 2, 4, 8, 16) if s <= longest):
        for p in lanes:
            plan = schedule(layer, Folding(p, simd))
            cycles = layer_cycles(plan)
            if cycles not in cost or plan.macs < cost[cycles]:
                result[cycles], cost[cycles] = Folding(p, simd), plan.macs
    return result

"""The performance model: cycles and resources of a design before it exists.

The numbers are those of the RTL, to the cycle; tests hold them against simulation.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ffhw import sigmoid
from ffhw.fixedpoint import Unorm
from ffhw.hdl.folding import Folding, Schedule, schedule
from ffhw.layers import DenseLayer, EmbeddingLayer, JKLayer, Layer
from ffhw.network import Network

# Registers between a unit's last product being issued and its accumulator holding the sum, without the adder tree:
# memory output, operand, product, accumulator.
MAC_STAGES = 4
# Cycles from the accumulator to the new state being readable: add bias, look up, J and K, multiply, sum, write.
JK_STAGES = 6
# Operands added in one stage of the adder tree.
TREE_RADIX = 4
# Cycles from an input beat being accepted to its word being issued.
BUFFER_STAGES = 1
# Cycles from a token to the first word of its row.
EMBEDDING_STAGES = 2


def tree_stages(simd: int) -> int:
    """Register stages that add up ``simd`` products."""
    stages = 0
    while simd > 1:
        simd = -(-simd // TREE_RADIX)
        stages += 1
    return stages


def finish_stages(layer: JKLayer | DenseLayer) -> int:
    """Cycles from a unit's accumulator to its result standing at the engine's output."""
    if isinstance(layer, JKLayer):
        return JK_STAGES - 1
    return {"linear": 1, "relu": 1, "sigmoid": 2, "argmax": 2}[layer.activation]


def drain_latency(simd: int) -> int:
    """L: cycles from issuing a unit's last product to issuing a product with its new state."""
    return MAC_STAGES + tree_stages(simd) + JK_STAGES


def drain_stall(plan: Schedule) -> int:
    """Cycles a step waits for the states of the step before it; 0 where other work hides the drain.

    The next step consumes its inputs and the early states first, in the order in which states are finished. Word w
    of S states is asked for ``x_words + w`` cycles into the step; its last element was finished by group
    ``element // P``, as that group's beat ``(element mod P) // F``.
    """
    if plan.states == 0:
        return 0
    lanes, simd, finishers = plan.folding.lanes, plan.folding.simd, plan.folding.finishers
    interval = plan.group_words + plan.group_pause
    latest = 0
    for word in range(plan.h_words):
        element = min((word + 1) * simd, plan.units) - 1
        # counted from the cycle after the step's last one, in which the next step may begin
        issued = -(plan.groups - 1 - element // lanes) * interval - plan.group_pause - 1
        readable = issued + (element % lanes) // finishers + drain_latency(simd)
        latest = max(latest, readable - plan.x_words - word)
    return latest


def layer_cycles(plan: Schedule) -> int:
    """Cycles a time step in the steady state, stalls included."""
    return plan.groups * (plan.group_words + plan.group_pause) + drain_stall(plan)


@dataclasses.dataclass(frozen=True)
class EnginePerformance:
    """Figures of one engine. Memory bits count payload, padding of lanes included."""

    name: str
    kind: str
    lanes: int
    simd: int
    finishers: int
    ideal_cycles_per_step: int
    stall_cycles_per_step: int
    cycles_per_step: int
    multipliers: int
    mac_utilisation: float
    memory_bits: int


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


def input_width(network: Network, foldings: Sequence[Folding | None]) -> int:
    """Elements a beat of the design's input stream: the first engine's S, or one token."""
    first = foldings[0]
    return 1 if first is None else first.simd


def output_width(network: Network, foldings: Sequence[Folding | None]) -> int:
    """Elements a beat of the design's output stream."""
    last_layer, last = network.layers[-1], foldings[-1]
    if isinstance(last_layer, EmbeddingLayer) or (isinstance(last_layer, DenseLayer) and last_layer.output_size == 1):
        return 1
    assert last is not None
    return last.finishers


def operand_bits(layer: JKLayer | DenseLayer) -> int:
    """Signed width of what the lanes multiply weights by: inputs and states, aligned with each other."""
    x = layer.input.bits + (not layer.input.signed) + layer.shift_x
    return max(x, layer.state.bits + 1 + layer.shift_h) if isinstance(layer, JKLayer) else x


def memories(layer: Layer, folding: Folding | None, after: Folding | None) -> list[tuple[int, int]]:
    """Width and depth of each memory of an engine; ``after`` is the next engine's folding."""
    if isinstance(layer, EmbeddingLayer):
        width = after.simd if after else 1
        return [(layer.output.bits * width, len(layer.table) * -(-layer.output_size // width))]
    assert folding is not None
    plan = schedule(layer, folding)
    finishers = folding.finishers
    shapes = [
        (plan.macs * layer.weight_bits, plan.ideal_cycles),  # weights
        (plan.gates * finishers * layer.acc_width, plan.step_beats),  # biases
        (layer.input.bits * folding.simd, _banks(plan.x_words)),  # inputs, two banks
    ]
    if isinstance(layer.output, Unorm):
        bits = layer.output.bits
        # two look-ups a memory and cycle
        shapes += [(bits, 1 << (sigmoid.index_bits(bits) - 1))] * -(-plan.gates * finishers // 2)
    if isinstance(layer, JKLayer):
        shapes.append((layer.state.bits * folding.simd, _banks(plan.h_words)))  # states, two banks
        shapes.append((layer.state.bits * finishers, plan.step_beats))  # states, unit by unit
    return shapes


def _banks(words: int) -> int:
    return (1 << (words - 1).bit_length()) + words


def predict(network: Network, foldings: Sequence[Folding | None]) -> Performance:
    """Figures of the design that :class:`ffhw.hdl.design.Design` builds from the same arguments."""
    engines = []
    # arrival of each beat of the step at the input of the next engine, in cycles
    arrivals: list[int] = []
    width = input_width(network, foldings)
    for number, (layer, folding) in enumerate(zip(network.layers, foldings, strict=True)):
        if isinstance(layer, EmbeddingLayer):
            after = foldings[number + 1] if number + 1 < len(foldings) else None
            beats = -(-layer.output_size // (after.simd if after else 1))
            engines.append(_embedding_performance(layer, beats))
            arrivals = [EMBEDDING_STAGES + beat for beat in range(beats)]
            width = after.simd if after else 1
            continue
        assert folding is not None
        plan = schedule(layer, folding)
        if number == 0:
            arrivals = list(range(plan.x_words))
        engines.append(_engine_performance(layer, plan))
        arrivals = _result_times(layer, plan, arrivals, width)
        width = folding.finishers
    return Performance(
        engines=tuple(engines),
        cycles_per_step=max(engine.cycles_per_step for engine in engines),
        latency_cycles=arrivals[-1],
        multipliers=sum(engine.multipliers for engine in engines),
        memory_bits=sum(engine.memory_bits for engine in engines),
    )


def _result_times(layer: JKLayer | DenseLayer, plan: Schedule, arrivals: list[int], width: int) -> list[int]:
    """Cycles in which a lone first step's results leave the engine, from those in which its input beats arrive."""
    folding = plan.folding
    cycle = 0
    # the first group waits for its inputs; the initial state is zero and waits for nothing
    for word in range(plan.x_words):
        elements = min((word + 1) * folding.simd, plan.inputs)
        cycle = max(cycle, arrivals[-(-elements // width) - 1] + BUFFER_STAGES) + 1
    final = cycle - 1 + plan.h_words
    times = []
    for group in range(plan.groups):
        issued = final + group * (plan.group_words + plan.group_pause)
        units = min(folding.lanes, plan.units - group * folding.lanes)
        done = issued + MAC_STAGES + tree_stages(folding.simd) + finish_stages(layer)
        times += [done + beat for beat in range(-(-units // folding.finishers))]
    return times[-1:] if layer.output_size == 1 and layer.units > 1 else times


def _engine_performance(layer: JKLayer | DenseLayer, plan: Schedule) -> EnginePerformance:
    folding = plan.folding
    cycles = layer_cycles(plan)
    return EnginePerformance(
        name=layer.name,
        kind=layer.kind,
        lanes=folding.lanes,
        simd=folding.simd,
        finishers=folding.finishers,
        ideal_cycles_per_step=plan.ideal_cycles,
        stall_cycles_per_step=cycles - plan.ideal_cycles,
        cycles_per_step=cycles,
        # each finisher of a JK layer multiplies J by NOT H and NOT K by H
        multipliers=plan.macs + (2 * folding.finishers if isinstance(layer, JKLayer) else 0),
        mac_utilisation=plan.multiplications / (plan.macs * cycles),
        memory_bits=sum(width * depth for width, depth in memories(layer, folding, None)),
    )


def _embedding_performance(layer: EmbeddingLayer, beats: int) -> EnginePerformance:
    return EnginePerformance(
        name=layer.name,
        kind=layer.kind,
        lanes=0,
        simd=0,
        finishers=0,
        ideal_cycles_per_step=beats,
        stall_cycles_per_step=0,
        cycles_per_step=beats,
        multipliers=0,
        mac_utilisation=0.0,
        memory_bits=layer.table.size * layer.output.bits,
    )

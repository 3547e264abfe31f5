"""What a careless or a hurried host does to the program of a scenario: vectors cut, overlong, sent twice."""

from __future__ import annotations

from typing import Any

import numpy as np

from ffhw.model.network import Network
from ffhw.sim.cocotb_runner import BenchRun, CocotbSimulator
from ffhw.sim.scenario import Interface, build_scenario

Program = list[list[Any]]


def spans(program: Program, port: str) -> list[list[int]]:
    """Places of the beats of each sequence, or state vector, that a program sends on a port."""
    found: list[list[int]] = [[]]
    for place, (name, _, last) in enumerate(program):
        if name == port:
            found[-1].append(place)
            if last:
                found.append([])
    return found[:-1]


def shorten(program: Program, port: str, which: int, missing: int) -> None:
    """End a sequence ``missing`` beats early."""
    places = spans(program, port)[which]
    program[places[-1 - missing]][2] = 1
    for place in reversed(places[len(places) - missing :]):
        del program[place]


def lengthen(program: Program, port: str, which: int, surplus: int) -> None:
    """Send ``surplus`` beats of all ones between a sequence's end and its ``tlast``."""
    final = spans(program, port)[which][-1]
    program[final][2] = 0
    for number in range(surplus):
        program.insert(final + 1 + number, [port, (1 << 64) - 1 & program[final][1] | 1, int(number == surplus - 1)])


def repeat(program: Program, port: str, which: int, rng: np.random.Generator) -> None:
    """Send another vector before one: the latter is meant to win."""
    places = spans(program, port)[which]
    others = [[port, int(rng.integers(0, program[place][1] + 1)), program[place][2]] for place in places]
    program[places[0] : places[0]] = others


def without(vector: np.ndarray, width: int, missing: int) -> np.ndarray:
    """A vector whose last ``missing`` beats never came."""
    beats = -(-len(vector) // width)
    return np.where(np.arange(len(vector)) < (beats - missing) * width, vector, 0)


def play(simulator: CocotbSimulator, scenario: dict[str, Any]) -> BenchRun:
    """Run a scenario; everything that was to be compared was."""
    run = simulator.run(scenario)
    beats = sum(len(entries) for entries in scenario["expected"].values())
    units = sum(len(probe["expected"]) * len(probe["signals"]) for probe in scenario["probes"].values())
    assert run.compared == beats + units
    assert len(run.in_cycles) == len(scenario["program"])
    return run


def scenario_of(interface: Interface, sequences: list[np.ndarray], **options: Any) -> dict[str, Any]:
    """A scenario with room for long designs."""
    return build_scenario(interface, sequences, cycles_per_step=400, **options)


def names(network: Network) -> list[str]:
    """Kinds of a network's layers."""
    return [layer.kind for layer in network.layers]

"""What a careless or a hurried host does to the program of a scenario: vectors cut or overlong."""

from __future__ import annotations

from typing import Any

import numpy as np

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

"""How often the registers of a design change: what its dynamic power hangs on, counted and not guessed.

A register is what the Verilog assigns at the clock's edge. Memories, and the registers inside their read ports, are not
among them: block RAM holds both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ffhw.layers.base import Ints
from ffhw.processes import scratch_folder
from ffhw.sim.batch import BatchSimulator
from ffhw.sim.compare import ports_of
from ffhw.sim.scenario import Interface

_MODULE = re.compile(r"^module\s+\\?([^\s(]+)", re.MULTILINE)
_CLOCKED = re.compile(r"always @\(posedge \S+\)(?: begin.*?\n  end|[^;]*;)", re.DOTALL)
_REGISTER = re.compile(r"(?:^|\))\s*\\?([A-Za-z][\w$]*)\s*<=(?!\s*\w+\[[^:\]]+\]\s*;)", re.MULTILINE)


def registers(verilog: str) -> set[str]:
    """Registers of a design by the dotted path of their instance, as in ``ffhw_top.design.framer.beat``.

    Amaranth calls a module by the path of its instance; each has one.
    """
    heads = list(_MODULE.finditer(verilog))
    ends = [head.start() for head in heads[1:]] + [len(verilog)]
    found: set[str] = set()
    for head, end in zip(heads, ends, strict=True):
        for block in _CLOCKED.findall(verilog, head.end(), end):
            found.update(f"{head[1]}.{name}" for name in _REGISTER.findall(block))
    return found


def toggles(vcd: Path, of: set[str]) -> int:
    """Bits of these signals that change in a value change dump, from the first value of each on.

    Raises
    ------
    ValueError: the dump lacks a signal.
    """
    codes: dict[str, str] = {}
    values: dict[str, int] = {}
    changed = 0
    with vcd.open() as lines:
        declared = set(_declared(lines, of, codes))
        if missing := of - declared:
            raise ValueError(f"{vcd.name} lacks {', '.join(sorted(missing)[:3])}")
        for line in lines:
            value, code = line[1:].split() if line[0] == "b" else (line[0], line[1:].strip())
            if code in codes and value.strip("01") == "":
                new = int(value, 2)
                changed += (values.get(code, new) ^ new).bit_count()
                values[code] = new
    return changed


def _declared(lines: Iterator[str], of: set[str], codes: dict[str, str]) -> Iterator[str]:
    """Paths of the wanted signals that a dump's head declares; ``codes`` gets what they are called in its body."""
    scopes: list[str] = []
    for line in lines:
        match line.split():
            case ["$scope", _, name, *_]:
                scopes.append(name)
            case ["$upscope", *_]:
                scopes.pop()
            case ["$var", _, _, code, name, *_]:
                # the simulator's own outermost scope is none of the design's
                for depth in (0, 1):
                    path = ".".join([*scopes[depth:], name])
                    if path in of:
                        codes[code] = path
                        yield path
            case ["$enddefinitions", *_]:
                return


def register_toggles(rtl: Path, interface: Interface, sequence: Ints, cycles_per_step: int) -> tuple[int, int]:
    """Registers' bits that change while one sequence runs through the RTL, reset included; and how many registers."""
    simulator = BatchSimulator(rtl, ports_of(interface), waves=True)
    answers = int(interface.network.rhythm.steps(len(sequence)))
    found = registers("".join(path.read_text() for path in sorted(rtl.glob("*.v"))))
    with scratch_folder("toggles") as folder:
        waves = folder / "waves.vcd"
        simulator.run([sequence], answers, cycles_per_step=cycles_per_step, waves=waves)
        return toggles(waves, found), len(found)

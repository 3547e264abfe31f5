"""Netlists of mapped cells, as yosys writes them for place and route: read, examined, turned into Verilog.

The Verilog is what the very file computes that place and route reads: no tool of the flow is asked twice.
"""

from __future__ import annotations

import collections
import dataclasses
import json
import re
from pathlib import Path
from typing import Any

from ffhw.errors import MismatchError, ToolError

# Cells that are replaced by an ideal clock, which is stable from the beginning.
PLLS = ("SB_PLL40_PAD", "SB_PLL40_CORE", "EHXPLLL", "rPLL")
_PLL_CLOCKS = ("PLLOUTGLOBAL", "CLKOP", "CLKOUT")
# yosys' notes on hierarchy: no hardware
_NOTES = "$scopeinfo"
_FLIP_FLOP = re.compile(r"SB_DFF|TRELLIS_FF|DFF")
Bit = int | str


@dataclasses.dataclass(frozen=True)
class Mapped:
    """One flat module: ports, cells by name, and bits of each net by name. A bit is a number, or a constant."""

    ports: dict[str, Any]
    cells: dict[str, Any]
    nets: dict[str, list[Bit]]

    @classmethod
    def load(cls, path: Path, top: str = "top") -> Mapped:
        """Read the ``top.json`` that yosys wrote.

        Raises
        ------
        ToolError: it is not such a file.
        """
        try:
            module = json.loads(path.read_text())["modules"][top]
            nets = {name: net["bits"] for name, net in module["netnames"].items()}
            return cls(module["ports"], {n: c for n, c in module["cells"].items() if c["type"] != _NOTES}, nets)
        except (OSError, ValueError, KeyError, TypeError):
            raise ToolError(f"{path.name} is not a netlist with a module {top}: yosys' format has changed") from None

    def count(self) -> collections.Counter[str]:
        """How many cells there are of each type."""
        return collections.Counter(cell["type"] for cell in self.cells.values())

    def drivers(self) -> dict[Bit, str]:
        """For each bit that is driven, the name of the cell or the pin that drives it.

        Raises
        ------
        MismatchError: a bit is used that nothing drives, or that two cells drive.
        """
        found: dict[Bit, str] = {}
        used: dict[Bit, str] = {}
        for name, port in self.ports.items():
            role = found if port["direction"] == "input" else used
            role.update((bit, f"the pin {name}") for bit in port["bits"] if isinstance(bit, int))
        for name, cell in self.cells.items():
            for port, bits in cell["connections"].items():
                direction = cell["port_directions"][port]
                for bit in (b for b in bits if isinstance(b, int)):
                    if direction == "input":
                        used.setdefault(bit, name)
                    elif bit in found and direction == "output":
                        raise MismatchError(f"the netlist is wrong: {name} and {found[bit]} drive the same net")
                    else:
                        found.setdefault(bit, name)
        loose = [name for bit, name in used.items() if bit not in found]
        if loose:
            raise MismatchError(f"the netlist is wrong: {len(loose)} nets have no driver, one is read by {loose[0]}")
        return found


@dataclasses.dataclass(frozen=True)
class Cut:
    """Verilog of a netlist that a test bench can watch and drive.

    The module ``netlist`` has inputs ``clock`` and ``cut``; for each watched net an output ``net_<name>``; for each
    driven one an input ``in_<name>``, which takes the place of what drives the net while ``cut`` is 1; of a board's
    serial pins an input ``rx`` and an output ``tx``. A PLL is replaced by the clock.

    Parameters
    ----------
    prefix: what the names of watched and driven nets begin with in the netlist.
    """

    netlist: Mapped
    watched: tuple[str, ...]
    driven: tuple[str, ...]
    prefix: str = ""

    def verilog(self) -> str:
        """Source text.

        Raises
        ------
        MismatchError: the netlist is wrong in itself. ToolError: a net is gone, or is not driven by a register.
        """
        drivers = self.netlist.drivers()
        cut: dict[Bit, str] = {}
        for name in self.driven:
            for index, bit in enumerate(self._bits(name)):
                if isinstance(bit, int):
                    if not _FLIP_FLOP.match(self.netlist.cells[drivers[bit]]["type"]):
                        raise ToolError(f"the netlist has logic in front of {name}: it cannot be driven in simulation")
                    cut[bit] = f"in_{name}[{index}]"
        ports = ["input clock", "input cut"]
        roles = {bit: _role(name) for name, port in self.netlist.ports.items() for bit in port["bits"]}
        ports += ["input rx", "output tx"] if "rx" in roles.values() else []
        ports += [f"input [{len(self._bits(name)) - 1}:0] in_{name}" for name in self.driven]
        ports += [f"output [{len(self._bits(name)) - 1}:0] net_{name}" for name in self.watched]
        lines = ["module netlist(" + ", ".join(ports) + ");"]
        pads = {bit for port in self.netlist.ports.values() for bit in port["bits"]}
        lines += [f"wire n{bit};" for bit in drivers if bit not in pads]
        lines += [f"wire d{bit}; assign n{bit} = cut ? {source} : d{bit};" for bit, source in cut.items()]
        lines += [f"assign net_{name} = {_join(self._bits(name))};" for name in self.watched]
        for number, cell in enumerate(self.netlist.cells.values()):
            if cell["type"] in PLLS:
                lines += _pll(cell)
            else:
                lines += _pad(cell, roles) if _touches(cell, pads) else _instance(number, cell, cut)
        return "\n".join([*lines, "endmodule", ""])

    def _bits(self, name: str) -> list[Bit]:
        bits = self.netlist.nets.get(self.prefix + name)
        if bits is None:
            raise ToolError(f"the netlist has no net {name}: yosys did not keep it")
        return bits


def _touches(cell: dict[str, Any], pads: set[Bit]) -> bool:
    return any(bit in pads for bits in cell["connections"].values() for bit in bits)


def _role(pin: str) -> str:
    """What a pin is: ``rx``, ``tx``, or the clock; of other pins nobody cares, inputs are 1."""
    found = re.search(r"uart.*__(rx|tx)__", pin)
    if found:
        return found.group(1)
    return "clock" if re.match(r"cl(oc)?k", pin) else "1'b1"


def _pad(cell: dict[str, Any], roles: dict[Bit, str]) -> list[str]:
    """A pin's buffer: what it gives to the inside is what the pin is; what the inside gives to it leaves as ``tx``."""
    role = next(roles[bit] for bits in cell["connections"].values() for bit in bits if bit in roles)
    lines = []
    for port, bits in cell["connections"].items():
        for bit in (bit for bit in bits if bit not in roles):
            if cell["port_directions"][port] == "output":
                lines.append(f"assign n{bit} = {role};")
            elif role == "tx" and port in ("D_OUT_0", "I"):
                lines.append(f"assign tx = {_join([bit])};")
    return lines


def _pll(cell: dict[str, Any]) -> list[str]:
    """An ideal clock; all else that a PLL says is 1."""
    return [
        f"assign n{bit} = {'clock' if port in _PLL_CLOCKS else 1};"
        for port, bits in cell["connections"].items()
        if cell["port_directions"][port] == "output"
        for bit in bits
        if isinstance(bit, int)
    ]


def _instance(number: int, cell: dict[str, Any], cut: dict[Bit, str]) -> list[str]:
    parameters = ", ".join(f".{name}({_parameter(value)})" for name, value in cell["parameters"].items())
    connections = []
    for port, bits in cell["connections"].items():
        drives = cell["port_directions"][port] == "output"
        connections.append(f".{port}({_join(bits, cut if drives else {})})")
    return [f"{cell['type']} #({parameters}) c{number} ({', '.join(connections)});"]


def _join(bits: list[Bit], cut: dict[Bit, str] | None = None) -> str:
    """Bits as a Verilog expression; those in ``cut`` under the name of what drove them."""

    def show(bit: Bit) -> str:
        if isinstance(bit, str):
            return f"1'b{bit}"
        return f"d{bit}" if cut and bit in cut else f"n{bit}"

    return "{" + ", ".join(show(bit) for bit in reversed(bits)) + "}"


def _parameter(value: str | int) -> str:
    """A cell's parameter: yosys writes numbers as binary digits, and texts that look like such with a space behind."""
    if isinstance(value, int):
        return str(value)
    if re.fullmatch(r"[01xz]+", value):
        return f"{len(value)}'b{value}"
    text = value[:-1] if re.fullmatch(r"[01xz]* +", value) else value
    return json.dumps(text)

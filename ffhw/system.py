"""What has to be on a machine before any Python package is: looked for with the standard library alone.

``python3 -m ffhw.system`` says in one line what is missing; the Makefile runs it before anything is downloaded.
"""

from __future__ import annotations

import ctypes
import dataclasses
import importlib.util
import os
import shutil
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

OLDEST, NEWEST = (3, 11), (3, 13)
_PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
LIBPYTHON = f"lib{_PYTHON}"


def _program(name: str) -> Callable[[], str]:
    return lambda: "found" if shutil.which(name) else ""


def _libpython() -> str:
    """Name of this Python's shared library, which cocotb loads into the simulator; empty if there is none."""
    name = sysconfig.get_config_var("INSTSONAME") or f"lib{_PYTHON}.so.1.0"
    folders = [sysconfig.get_config_var("LIBDIR"), str(Path(sys.base_prefix) / "lib")]
    for candidate in [name, f"lib{_PYTHON}.so.1.0", *(str(Path(folder) / name) for folder in folders if folder)]:
        if ".so" in candidate:
            try:
                ctypes.CDLL(candidate)
            except OSError:
                continue
            return Path(candidate).name
    return ""


def _venv() -> str:
    return "found" if importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip") else ""


@dataclasses.dataclass(frozen=True)
class Need:
    """Something that Debian has and Python packages have not; ``required`` by the plain road."""

    name: str
    package: str
    purpose: str
    found: Callable[[], str]
    required: bool = True


NEEDS = (
    Need("venv", f"{_PYTHON}-venv", "the environment", _venv),
    Need("g++", "g++", "sim", _program("g++")),
    # without it simulation goes on with the compiled driver alone
    Need("libpython", LIBPYTHON, "sim (cocotb)", _libpython, required=False),
    Need("iverilog", "iverilog", "sim --sim icarus, a second opinion", _program("iverilog"), required=False),
)


def has_libpython() -> bool:
    """Whether cocotb can run inside a simulator."""
    return bool(_libpython())


def main(folder: str) -> int:
    """Check this machine for an environment in ``folder``; exit code 4 with one line where something is missing."""
    version = sys.version_info[:2]
    shown = ".".join(map(str, version))
    if not OLDEST <= version <= NEWEST:
        print(f"ffhw needs Python {'.'.join(map(str, OLDEST))} to {'.'.join(map(str, NEWEST))}, this is {shown}")
        return 4
    if " " in os.path.abspath(folder):
        print(f"the path {os.path.abspath(folder)!r} holds a space, which compilers' make files cannot take: move it")
        return 4
    missing = [need for need in NEEDS if not need.found()]
    required = [need.package for need in missing if need.required]
    optional = [need.package for need in missing if not need.required]
    if required:
        print(f"missing: apt-get install {' '.join(required + optional)}")
        return 4
    for need in missing:
        print(f"not there, left out: {need.purpose} (apt-get install {need.package})")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "."))

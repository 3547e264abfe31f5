"""Where the WebAssembly tools keep themselves compiled, and what to do where nothing can be kept."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

# What the YoWASP tools read.
CACHE_VARIABLE = "YOWASP_CACHE_DIR"


def cache_folder() -> Path:
    """Where the YoWASP tools keep themselves compiled."""
    import platformdirs

    return Path(os.environ.get(CACHE_VARIABLE) or platformdirs.user_cache_dir("YoWASP", appauthor=False))


def is_writable(folder: Path) -> bool:
    """Whether files can be written in a folder, which is created if need be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def wasmtime_environment(scratch: Path) -> dict[str, str]:
    """The same for what runs WebAssembly without YoWASP's cache, as Amaranth's own yosys does."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path(os.environ.get("HOME") or "/") / ".cache")
    return {} if is_writable(base / "wasmtime") else {"XDG_CACHE_HOME": str(scratch / "cache")}


def cache_environment(scratch: Path) -> dict[str, str]:
    """Variables with which a tool finds a cache: none, or that of a private one where the user's cannot be written."""
    return {} if is_writable(cache_folder()) else {CACHE_VARIABLE: str(scratch / "cache")}

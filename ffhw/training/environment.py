"""What a training ran on: versions and machine, for its record."""

from __future__ import annotations

import importlib
import os
import platform
import resource
import sys
from pathlib import Path
from typing import Any


def environment() -> dict[str, Any]:
    """Python, Keras, its backend, NumPy, the processor's architecture and the cores that we may use."""
    import keras
    import numpy as np

    backend = keras.backend.backend()
    return {
        "python": platform.python_version(),
        "keras": keras.__version__,
        "backend": backend,
        backend: importlib.import_module(backend).__version__,
        "numpy": np.__version__,
        "machine": platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
    }


def peak_mib() -> int:
    """Most memory that this process has held so far, in MiB.

    Linux counts what a parent held into the child's ``ru_maxrss``, so there the process' own high-water mark is read.
    """
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) >> 10
    except (OSError, IndexError):
        # kilobytes, on macOS bytes
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> (20 if sys.platform == "darwin" else 10)

"""Running commands as a user types them, and what a clean failure looks like."""

from __future__ import annotations

import os
import subprocess
import sys


def ffhw(*arguments, cwd=None, env=None):
    command = [sys.executable, "-m", "ffhw", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env={**os.environ, **(env or {})})


def on_backend(backend, *arguments, timeout=600):
    """Standard output of a Python script, a path or ``-c`` and a text, with Keras on a backend, on the CPU."""
    environment = {**os.environ, "KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def fails(run, code, message):
    """One clear line on standard error, no traceback, the right exit code."""
    assert run.returncode == code, run.stderr
    lines = run.stderr.strip().splitlines()
    assert len(lines) == 1, run.stderr
    assert lines[0].startswith("ffhw: ")
    assert message in lines[0]

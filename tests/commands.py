"""Running commands as a user types them, and what a clean failure looks like."""

from __future__ import annotations

import os
import subprocess
import sys


def ffhw(*arguments, cwd=None, env=None):
    command = [sys.executable, "-m", "ffhw", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env={**os.environ, **(env or {})})


def fails(run, code, message):
    """One clear line on standard error, no traceback, the right exit code."""
    assert run.returncode == code, run.stderr
    lines = run.stderr.strip().splitlines()
    assert len(lines) == 1, run.stderr
    assert lines[0].startswith("ffhw: ")
    assert message in lines[0]

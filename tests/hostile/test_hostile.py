"""A short form of `make hostile`: damaged, overgrown and lying files through the real command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_hostile_files_end_well(keras_models):
    drive = Path(__file__).parent / "drive.py"
    command = [
        sys.executable,
        str(drive),
        "--count",
        "60",
        "--seed",
        "7",
        "--jobs",
        "1",
        "--models",
        str(keras_models),
    ]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "60 of 60 hostile cases ended well" in run.stdout

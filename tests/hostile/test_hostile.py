"""A short form of `make hostile`: damaged, overgrown and lying files through the real command line."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from cases import leaves, lied_twice


def test_every_lie_can_be_told():
    """A case that cannot be made ends its worker, and the cases behind it are never run."""
    config = {"module": "keras", "config": {"layers": [{"name": "a", "units": 3}]}}
    paths = list(leaves(config))
    assert ("config",) in paths
    for seed in range(500):
        assert lied_twice(config, paths, random.Random(seed)) != config


@pytest.mark.long
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

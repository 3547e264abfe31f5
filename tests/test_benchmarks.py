"""The GPU benchmark: a dry run on a CPU measures every layer, goes on where it was ended, and without a GPU says so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

GPU = Path(__file__).parent.parent / "benchmarks" / "gpu.py"


def run(*arguments):
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": "-1"}
    return subprocess.run(
        [sys.executable, GPU, *arguments], capture_output=True, text=True, env=environment, timeout=400
    )


@pytest.mark.training
def test_a_dry_run_measures_everything_once(tmp_path):
    target = tmp_path / "gpu.json"
    command = ("--interpret", "--backends", "jax", "-o", target)
    done = run(*command)
    assert done.returncode == 0, done.stderr[-2000:]
    record = json.loads(target.read_text())
    assert len(record["rows"]) == 3 * 2 * 2
    assert all(row["train_ms"] > 0 and row["infer_ms"] > 0 for row in record["rows"])
    assert {row["layer"] for row in record["rows"]} == {"JK, fused", "JK, loop", "LSTM, loop"}
    assert all(row["one_kernel"] for row in record["rows"] if row["layer"] == "JK, fused")
    # the last one is missing, as after a kill
    kept = record["rows"][:-1]
    target.write_text(json.dumps({**record, "rows": kept}))
    assert run(*command).stdout.count("train_ms") == 1
    again = json.loads(target.read_text())["rows"]
    assert again[:-1] == kept


@pytest.mark.training
def test_without_a_gpu_it_says_so_in_one_line(tmp_path):
    done = run("--backends", "jax", "-o", tmp_path / "gpu.json")
    assert done.returncode == 1
    assert done.stderr == "gpu.py: no backend found a GPU; --interpret makes a dry run on a CPU\n"
    assert not list(tmp_path.iterdir())
    assert "--interpret needs -o" in run("--interpret").stderr

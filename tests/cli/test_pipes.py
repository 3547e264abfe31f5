"""`ffhw ... | head -1`: who stops reading stops no work."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from commands import ffhw

from ffhw.bundle import Bundle


def read_one_line(*arguments):
    """Exit code and error output of a command of whose output one line is read."""
    command = [sys.executable, "-m", "ffhw", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        process.stdout.close()
        error = process.stderr.read()
    return process.returncode, error


@pytest.fixture(scope="module")
def built(keras_models, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pipes")
    np.save(folder / "x.npy", np.random.default_rng(1).normal(size=(3, 6, 3)))
    arguments = ("export", keras_models / "tracker.keras", "-o", folder / "build")
    assert read_one_line(*arguments, "--data", folder / "x.npy") == (0, "")
    return folder


def test_an_export_is_whole(built):
    assert Bundle.open(built / "build").vectors()["codes"].shape == (3, 6, 3)


def test_a_run_and_a_report_write_their_files(built):
    build = built / "build"
    assert read_one_line("run", build, "-i", built / "x.npy", "-o", built / "y.npz") == (0, "")
    with np.load(built / "y.npz") as answers:
        assert answers["codes"].shape == (3, 6, 3)
    assert read_one_line("report", build) == (0, "")
    assert (build / "results/report.html").exists()


def test_help_ends_without_a_traceback():
    code, error = read_one_line("export", "--help")
    assert (code in (0, 1), error) == (True, "")


def test_an_error_keeps_its_exit_code_when_nobody_reads_it(tmp_path):
    assert ffhw("sim", tmp_path / "no").returncode == 2
    command = f"{sys.executable} -m ffhw sim {tmp_path / 'no'} 2>&1 >/dev/null | true; exit ${{PIPESTATUS[0]}}"
    run = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert (run.returncode, run.stdout, run.stderr) == (2, "", "")

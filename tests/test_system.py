"""A fresh machine: what is missing is said in one line, before anything is downloaded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ffhw import system

ROOT = Path(__file__).parent.parent


def without(tmp_path, *names):
    """A folder with everything on the path, but not these programs."""
    folder = tmp_path / "bin"
    folder.mkdir(exist_ok=True)
    for place in reversed(os.environ["PATH"].split(os.pathsep)):
        if "pyenv" in place or not Path(place).is_dir():
            continue
        for program in Path(place).iterdir():
            target = folder / program.name
            if not any(program.name == name or program.name.startswith(f"{name}3") for name in names):
                target.unlink(missing_ok=True)
                target.symlink_to(program)
    return folder


@pytest.mark.parametrize(
    ("missing", "line", "code"),
    [
        ((), "", 0),
        (("g++",), r"missing: apt-get install g++", 4),
        (("g++", "libpython"), "missing: apt-get install g++ libpython3.", 4),
        (("libpython",), "not there, left out: sim (cocotb) (apt-get install libpython3.", 0),
        (("venv", "libpython"), "-venv libpython3.", 4),
    ],
)
def test_what_is_missing_is_one_line(monkeypatch, capsys, missing, line, code):
    import dataclasses

    needs = tuple(
        dataclasses.replace(need, found=lambda there=need.name not in missing: "found" if there else "")
        for need in system.NEEDS
    )
    monkeypatch.setattr(system, "NEEDS", needs)
    assert system.main(str(ROOT)) == code
    said = capsys.readouterr().out
    assert line in said
    assert said.count("\n") == (1 if line else 0)


def test_a_path_with_a_space_is_told_before_building(capsys):
    assert system.main("/somewhere with/space") == 4
    assert capsys.readouterr().out == (
        "the path '/somewhere with/space' holds a space, which compilers' make files cannot take: move it\n"
    )


def test_other_versions_of_python_are_told(monkeypatch, capsys):
    monkeypatch.setattr(system.sys, "version_info", (3, 10, 0))
    assert system.main(str(ROOT)) == 4
    assert capsys.readouterr().out == "ffhw needs Python 3.11 to 3.13, this is 3.10\n"


def test_only_the_standard_library_is_needed():
    code = "import sys, ffhw.system; print(*{name.split('.')[0] for name in sys.modules} - {*sys.stdlib_module_names})"
    run = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert set(run.stdout.split()) <= {"ffhw", "__main__"}


def test_importing_onnx_runtime_leaves_nothing_in_the_users_cache(tmp_path):
    code = "import ffhw.backends.onnx_runtime"
    env = {**os.environ, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    assert subprocess.run([sys.executable, "-c", code], env=env).returncode == 0
    assert not list(tmp_path.rglob("*"))


def test_onnx_runtime_is_imported_in_one_place():
    importers = {p.name for p in (ROOT / "ffhw").rglob("*.py") if "import onnxruntime" in p.read_text()}
    assert importers == {"onnx_runtime.py"}


@pytest.mark.long
@pytest.mark.simulation
@pytest.mark.parametrize("tool", ["verilator"])
def test_simulation_needs_no_python_on_the_path(tmp_path, tool):
    """A plain Debian has no `python`."""
    import numpy as np
    from networks import random_network

    from ffhw.bundle import write_bundle
    from ffhw.export import bundle_files
    from ffhw.hdl.plan.chain import fold
    from ffhw.model.data import Data

    network = random_network(1, inputs=2, units=(3,), outputs=2)
    write_bundle(
        tmp_path / "build", bundle_files(network, fold(network, 1, 1), Data(np.zeros((2, 3, 2)), np.array([3, 2])))
    )
    env = {**os.environ, "PATH": str(without(tmp_path, "python"))}
    command = [sys.executable, "-m", "ffhw", "sim", str(tmp_path / "build"), "--sim", tool]
    run = subprocess.run(command, env=env, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr

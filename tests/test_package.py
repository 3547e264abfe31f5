"""The shape of the house: what the wheel holds, what importing costs, which way imports run."""

from __future__ import annotations

import ast
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LINKS = ("hdl", "sim", "training", "boards")


def python(code, cwd=ROOT):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=cwd)


@pytest.mark.parametrize("name", LINKS)
def test_links_are_relative_and_lead_into_the_package(name):
    link = ROOT / name
    assert link.is_symlink()
    assert str(link.readlink()) == f"ffhw/{name}"


@pytest.mark.parametrize("name", LINKS)
def test_bare_names_are_refused(name):
    run = python(f"import {name}")
    assert run.returncode == 1
    assert run.stderr.strip().endswith(f"ImportError: import ffhw.{name}, not {name}")


@pytest.mark.parametrize("name", LINKS)
def test_ruff_bans_bare_names(name):
    source = f"from {name} import something\n\nprint(something)\n"
    command = [sys.executable, "-m", "ruff", "check", "--stdin-filename", "tests/x.py", "-"]
    run = subprocess.run(command, input=source, capture_output=True, text=True, cwd=ROOT)
    assert run.returncode == 1
    assert f"import ffhw.{name}, not {name}" in run.stdout


def test_ruff_reads_every_file():
    run = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--show-files"], capture_output=True, text=True, cwd=ROOT
    )
    read = {Path(line) for line in run.stdout.splitlines()}
    for folder in ("ffhw", "tests", "benchmarks"):
        assert set((ROOT / folder).rglob("*.py")) <= read


def test_importing_the_package_is_instant():
    run = python(
        "import sys; before = set(sys.modules); import ffhw; "
        "print(sorted({m.split('.')[0] for m in set(sys.modules) - before}))"
    )
    assert run.stdout.strip() == "['ffhw']"


def test_the_wheel_holds_the_package_and_nothing_else(tmp_path):
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    (wheel,) = tmp_path.glob("*.whl")
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    tree = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "ffhw").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert held == tree


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize(
    ("files", "forbidden"),
    [
        ("ffhw/numbers/*.py", ("ffhw.layers", "ffhw.model", "ffhw.hdl")),
        ("ffhw/layers/*.py", ("ffhw.model", "ffhw.reading", "ffhw.onnx", "ffhw.hdl", "ffhw.training", "tensorflow")),
        ("ffhw/model/*.py", ("ffhw.hdl", "ffhw.onnx", "ffhw.sim", "ffhw.training", "amaranth", "tensorflow")),
        ("ffhw/model/golden.py", ("ffhw.model.quantize", "ffhw.model.floatnet")),
        ("ffhw/hdl/**/*.py", ("tensorflow", "keras", "ffhw.training", "ffhw.sim", "ffhw.cli", "ffhw.boards")),
        ("ffhw/hdl/plan/**/*.py", ("amaranth",)),
        ("ffhw/hdl/engines/plans/*.py", ("amaranth",)),
        ("ffhw/boards/**/*.py", ("tensorflow", "keras", "ffhw.training", "ffhw.sim", "ffhw.backends", "ffhw.cli")),
        (
            "ffhw/boards/host/*.py",
            ("amaranth", "ffhw.hdl", "ffhw.bundle", "ffhw.model", "h5py", "onnx", "typer", "rich"),
        ),
        ("ffhw/training/**/*.py", ("ffhw.hdl", "amaranth", "ffhw.sim", "ffhw.boards")),
    ],
)
def test_imports_run_one_way(files, forbidden):
    paths = sorted(ROOT.glob(files))
    assert paths
    for path in paths:
        names = list(imported(path))
        wrong = [n for n in names if any(n == f or n.startswith(f + ".") for f in forbidden)]
        assert not wrong, f"{path.relative_to(ROOT)} imports {wrong}"


def test_files_and_functions_keep_to_their_size():
    """Past 400 lines a file is two rooms in one, past 70 a function does two jobs; a command's options are a table."""
    allowed = {"elaborate"}  # a component's whole pipeline is easier read in one piece
    for path in sorted((ROOT / "ffhw").rglob("*.py")):
        text = path.read_text()
        assert text.count("\n") <= 400, path.name
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and node.name not in allowed:
                assert node.end_lineno - node.body[0].lineno < 70, f"{path.name}: {node.name}"

"""The notebook and the laboratory's page do what they say: they are executed, with short settings."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

DOCS = Path(__file__).parent.parent / "docs"
NOTEBOOK = DOCS / "flipflop_laboratory.ipynb"
SHORT = """
CELL, UNITS, EPOCHS = "jk", 6, 1
SAMPLES, STARTS, REPEATS, HOLD_STEPS = 16, 2, 1, 2_000
HOLDS = (1,)
"""


@pytest.mark.training
@pytest.mark.simulation
def test_the_notebook_runs(tmp_path):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    settings = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    assert len(settings) == 1
    # a setting that the notebook has and this test does not would go unnoticed
    names = set(re.findall(r"\b[A-Z_]{4,}\b", settings[0].source.split("#", 2)[-1]))
    assert set(re.findall(r"\b[A-Z_]{4,}\b", SHORT)) >= {n for n in names if n in settings[0].source}
    settings[0].source = SHORT
    client = NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    pictures = [o for o in outputs if "image/png" in o.get("data", {})]
    assert len(pictures) == 9
    text = "".join(o.get("text", "") for o in outputs if o.output_type == "stream" and o.name == "stdout")
    assert "equal: " in text
    assert (tmp_path / "laboratory/build/manifest.json").exists()


def test_the_notebook_as_kept_was_executed_whole_and_names_no_folder_of_its_author():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    kept = nbformat.writes(notebook)
    assert "/home/" not in kept
    assert str(DOCS.parent) not in kept
    assert "Traceback" not in kept


# One process for all: TensorFlow takes longer to load than these commands take. A few sequences are data enough.
RUN_ALL = """
import dataclasses, json, sys
import numpy as np
from ffhw import cli
from ffhw.training import tasks

whole = tasks.task("flipflop3")

def few(seed):
    x, y = whole.generator.generate(32, seed)
    return tasks.TaskData(x, y, x[:8], y[:8], np.full(8, x.shape[1]))

tasks.task = lambda name: {"flipflop3": dataclasses.replace(whole, load=few)}[name]
for command in json.loads(sys.argv[1]):
    sys.argv = command
    try:
        cli.main()
    except SystemExit as end:
        if end.code:
            sys.exit(f"{command} ended with {end.code}")
"""


def commands(page):
    """Every ffhw command of a page's shell blocks."""
    blocks = re.findall(r"```sh\n(.*?)```", page, re.S)
    lines = [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]
    return [line.split() for line in lines if line.startswith("ffhw ")]


@pytest.mark.training
@pytest.mark.simulation
def test_the_pages_commands_run(tmp_path):
    found = commands((DOCS / "laboratory.md").read_text())
    assert [command[1] for command in found].count("train") >= 3
    assert {"train", "analyze", "export", "sim"} <= {command[1] for command in found}
    short = {"train": ["--epochs", "1", "--units", "6"], "analyze": ["--quick", "--epochs", "1"]}
    # a board's tools have tests of their own, and what was run once need not run again
    once = [list(command) for command in dict.fromkeys(map(tuple, found)) if command[1] != "synth"]
    for command in once:
        command += short.get(command[1], []) + (["--sizes", "2", "--size-cells", "jk"] if "--sizes" in command else [])
    run = subprocess.run(
        [sys.executable, "-c", RUN_ALL, json.dumps(once)], cwd=tmp_path, capture_output=True, text=True, timeout=600
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("parameters, test: ") == sum(command[1] == "train" for command in once)


def test_the_pages_tables_are_the_measured_ones(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS.parent / "benchmarks"))
    import tables

    pages = "".join(page.read_text() for page in DOCS.glob("*.md"))
    for name, make in tables.TABLES.items():
        assert make() in pages, f"benchmarks/tables.py prints another table of {name}"


def test_the_pages_pictures_are_there():
    for page in DOCS.glob("*.md"):
        for name in re.findall(r"\]\(([^)#:]+)\)|src=\"([^\":]+)\"", page.read_text()):
            assert (page.parent / "".join(name)).exists(), (page.name, name)
    shown = " ".join(page.read_text() for page in (*DOCS.glob("*.md"), DOCS.parent / "README.md"))
    for picture in (DOCS / "laboratory").iterdir():
        assert f"laboratory/{picture.name}" in shown, f"{picture.name} is shown nowhere"


@pytest.mark.long
@pytest.mark.simulation
def test_the_page_on_own_models_does_what_it_says(tmp_path):
    """Its Python and its commands, in order, in an empty folder."""
    page = (DOCS / "models.md").read_text()
    blocks = re.findall(r"```(python|sh)\n(.*?)```", page, re.S)
    assert [kind for kind, _ in blocks] == ["python", "sh", "python"]
    script = blocks[0][1] + "np.savez('kept.npz', x=x, y=y, lengths=lengths)\n"
    assert subprocess.run([sys.executable, "-c", script], cwd=tmp_path).returncode == 0
    for line in blocks[1][1].splitlines():
        run = subprocess.run([sys.executable, "-m", *line.split()], cwd=tmp_path, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
    load = "import numpy as np\nwith np.load('kept.npz') as k:\n    x, y, lengths = k['x'], k['y'], k['lengths']\n"
    check = "\nassert accuracy > 0.9, accuracy\nwith np.load('answers.npz') as kept:\n"
    check += "    assert np.array_equal(kept['codes'], result.outputs)\n"
    run = subprocess.run(
        [sys.executable, "-c", load + blocks[2][1] + check], cwd=tmp_path, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert "Fixed(8, frac=" in run.stdout


def test_the_engineers_day_begins_in_a_plain_shell():
    """A shell that knows neither pip nor ffhw gets there by the README's first line."""
    page = (DOCS.parent / "README.md").read_text()
    day = page[page.index("## An engineer's day") :]
    first = re.search(r"```sh\n(.*?)\n", day).group(1).split("#")[0].strip()
    assert first == ". .venv/bin/activate"
    script = f"{first.replace('.venv', sys.prefix)} && ffhw --version && pip --version"
    run = subprocess.run(
        ["sh", "-c", script], env={"PATH": "/usr/bin:/bin", "HOME": "/"}, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr

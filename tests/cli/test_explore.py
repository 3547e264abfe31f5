"""`ffhw explore` as a user types it: what it writes, how it ends when it is ended, and what it refuses."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from commands import fails, ffhw

# Enough jobs to be interrupted in the middle of.
BITS = ("--bits", "2-5")


@pytest.fixture(scope="module")
def arguments(keras_models, tmp_path_factory):
    rng, path = np.random.default_rng(5), tmp_path_factory.mktemp("data") / "x.npz"
    np.savez(path, x=rng.normal(size=(20, 9, 4)), y=rng.integers(0, 3, 20))
    return ("explore", keras_models / "classifier.keras", "--data", path, "--board", "icebreaker", "--workers", 2)


@pytest.fixture(scope="module")
def whole(arguments, tmp_path_factory):
    """What an exploration writes that nobody disturbs."""
    folder = tmp_path_factory.mktemp("whole") / "e"
    run = ffhw(*arguments, *BITS, "-o", folder)
    assert run.returncode == 0, run.stderr
    return run.stdout, content(folder)


def content(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def start(arguments, tmp_path):
    (tmp_path / "tmp").mkdir()
    command = [sys.executable, "-m", "ffhw", *map(str, arguments)]
    env = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)


def wait_for(condition, what):
    for _ in range(3000):
        if found := condition():
            return found
        time.sleep(0.01)
    raise AssertionError(f"never came: {what}")


def workers(tmp_path):
    """Processes of workers whose files are in our temporary folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if b"ffhw.explore.worker" in words and os.fsencode(tmp_path) in words:
                found.append(int(entry.name))
    return found


def test_it_writes_a_page_and_says_what_gives_each_design(whole):
    said, files = whole
    record, page = json.loads(files["explore.json"]), files["index.html"].decode()
    assert sum(name.startswith("jobs/") for name in files) == 4
    for design in record["designs"]:
        if design["on_logic_front"]:
            assert design["export"] in said
            assert design["export"] in page
    assert page.count("<svg") == 1
    assert "in floats" in said
    # nothing is fetched from anywhere
    assert not re.search(r"(src|href)=['\"](?!#)", page.replace("xlink:href", "href"))


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGKILL, marks=pytest.mark.long),
        pytest.param(signal.SIGINT, marks=pytest.mark.long),
        pytest.param(signal.SIGTERM, marks=pytest.mark.long),
    ],
)
def test_ended_in_the_middle_it_leaves_nothing_running_and_goes_on(arguments, whole, tmp_path, number):
    process = start((*arguments, *BITS, "-o", tmp_path / "e"), tmp_path)
    wait_for(lambda: len(list((tmp_path / "e/jobs").glob("[0-9a-f]*.json"))) >= 1, "a result")
    process.send_signal(number)
    _, error = process.communicate(timeout=60)
    if number == signal.SIGKILL:
        # nobody was there to end them: they end with their jobs, or when the next command sweeps
        assert process.returncode == -number
    else:
        assert process.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}[number]
        assert len(error.strip().splitlines()) == 1, error
        assert workers(tmp_path) == []
        assert not list((tmp_path / "tmp").iterdir())
    there = len(list((tmp_path / "e/jobs").glob("[0-9a-f]*.json")))
    assert 1 <= there < 4
    run = ffhw(*arguments, *BITS, "-o", tmp_path / "e", env={"TMPDIR": str(tmp_path / "tmp")})
    assert run.returncode == 0, run.stderr
    assert f"{there} of 4 are there already, {4 - there} to do" in run.stdout
    assert content(tmp_path / "e") == whole[1]
    assert workers(tmp_path) == []
    assert not list((tmp_path / "tmp").iterdir())


def test_a_worker_that_is_killed_ends_it_in_one_line(arguments, tmp_path):
    process = start((*arguments, *BITS, "-o", tmp_path / "e"), tmp_path)
    os.kill(wait_for(lambda: workers(tmp_path), "a worker")[0], signal.SIGKILL)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 4
    assert len(error.strip().splitlines()) == 1, error
    assert "a worker was killed at --bits" in error
    assert "the same command goes on" in error
    assert workers(tmp_path) == []
    assert not list((tmp_path / "tmp").iterdir())


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--bits", "0-3"), 2, "--bits takes numbers from 1 to 16, ranges upwards, not '0-3'"),
        (("--bits", ""), 2, "--bits takes numbers and ranges divided by commas, as in 2-4,8, not ''"),
        (("--lanes", "1", "--foldings", 2), 2, "--foldings spreads designs"),
        (("--seeds", 2), 2, "--seeds are those of place and route: give --synth as well"),
        (("--workers", 0), 2, "--workers must be from 1 to 256, not 0"),
        (("--scheduler", "tcp://localhost:1"), 2, "--scheduler has workers of its own"),
        (("--data", "missing.npz"), 2, "missing.npz does not exist"),
        (("-o", "missing/e"), 6, "does not exist"),
    ],
)
def test_what_cannot_be_is_told_at_once(arguments, tmp_path, options, code, message):
    run = ffhw(*arguments, *BITS, "-o", "e", *options, cwd=tmp_path)
    fails(run, code, message)
    assert not list(tmp_path.glob("e/jobs/*"))


def test_other_peoples_files_stay(arguments, tmp_path):
    (tmp_path / "e").mkdir()
    (tmp_path / "e/thesis.txt").write_text("years")
    fails(ffhw(*arguments, *BITS, "-o", tmp_path / "e"), 6, "the folder holds other files and is not an exploration")
    assert [path.name for path in (tmp_path / "e").iterdir()] == ["thesis.txt"]

"""Nothing stays behind: no program, no folder, whatever ends a run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ffhw import processes
from ffhw.errors import ToolError

# A run that has a folder, a program, and a program of that program; it says so, then waits.
BUSY = """
from ffhw.processes import end_at_signals, run, scratch_folder
end_at_signals()
with scratch_folder("test") as folder:
    (folder / "file").write_text("x")
    run(["sh", "-c", "sleep 300 & echo started >ready; sleep 300"], cwd=folder)
"""


def start(code, tmp_path):
    """Start a run whose temporary files go to ``tmp_path``, and wait until it is busy."""
    process = subprocess.Popen(
        [sys.executable, "-c", code], env={**os.environ, "TMPDIR": str(tmp_path)}, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 30
    while not list(tmp_path.glob("*/ready")):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    return process


def programs_of(mark):
    return processes._programs(mark)


def mark_in(folder):
    (path,) = folder.iterdir()
    return path.name.removeprefix("ffhw-").partition("-")[0]


@pytest.mark.parametrize(
    ("number", "code", "line"),
    [
        (signal.SIGINT, 130, "ffhw: interrupted; nothing was left half-written\n"),
        (signal.SIGTERM, 143, "ffhw: ended by SIGTERM; nothing was left half-written\n"),
        (signal.SIGHUP, 129, "ffhw: ended by SIGHUP; nothing was left half-written\n"),
    ],
)
def test_a_signal_ends_everything(tmp_path, number, code, line):
    process = start(BUSY, tmp_path)
    mark = mark_in(tmp_path)
    assert len(programs_of(mark)) >= 2  # a shell and its programs
    process.send_signal(number)
    assert process.communicate(timeout=20)[1] == line
    assert process.returncode == code
    assert programs_of(mark) == []
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_is_swept_by_the_next(tmp_path):
    process = start(BUSY, tmp_path)
    mark = mark_in(tmp_path)
    process.kill()
    process.communicate()
    assert programs_of(mark)
    assert len(list(tmp_path.iterdir())) == 1
    processes.sweep(tmp_path)
    assert programs_of(mark) == []
    assert list(tmp_path.iterdir()) == []


def test_any_command_sweeps_what_a_killed_one_left(tmp_path):
    """Also one that makes no temporary folder itself."""
    process = start(BUSY, tmp_path)
    mark = mark_in(tmp_path)
    process.kill()
    process.communicate()
    subprocess.run([sys.executable, "-m", "ffhw", "--version"], env={**os.environ, "TMPDIR": str(tmp_path)}, check=True)
    assert programs_of(mark) == []
    assert list(tmp_path.iterdir()) == []


def test_what_a_living_run_owns_is_not_swept(tmp_path):
    process = start(BUSY, tmp_path)
    processes.sweep(tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)


@pytest.mark.parametrize("name", ["ffhw-notes", "ffhw-0.1.2-x", "ffhw-deadbeef.99999999.1-x", "ffhw-", "ffhw-..-"])
def test_names_that_only_look_alike_are_left_alone(tmp_path, name):
    (tmp_path / name).write_text("mine")
    processes.sweep(tmp_path)
    assert (tmp_path / name).read_text() == "mine"


def test_a_signal_waits_for_names_to_be_exchanged(tmp_path):
    code = f"""
import os, signal, time
from pathlib import Path
from ffhw.processes import end_at_signals, undivided
end_at_signals()
with undivided():
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.2)
    Path({str(tmp_path / "done")!r}).touch()
print("not reached")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 143
    assert done.stdout == ""
    assert (tmp_path / "done").exists()


def test_an_error_on_our_side_ends_the_program(tmp_path):
    def fail():
        raise RuntimeError("ours")

    before = time.monotonic()
    with pytest.raises(RuntimeError, match="ours"):
        processes.run(["sleep", "300"], tick=fail)
    assert time.monotonic() - before < 60
    assert programs_of(processes.token()) == []


def test_output_and_exit_code(tmp_path):
    done = processes.run(["sh", "-c", "echo out; echo err >&2; exit 3"])
    assert (done.returncode, done.stdout, done.stderr) == (3, "out\n", "err\n")
    done = processes.run(["sh", "-c", "echo out; echo err >&2"], log=tmp_path / "log")
    assert (done.returncode, done.stdout, (tmp_path / "log").read_text()) == (0, "out\nerr\n", "out\nerr\n")
    assert processes.run(["cat"]).stdout == ""  # no standard input to wait for


def test_a_program_that_is_not_there():
    with pytest.raises(ToolError, match=r"^no-such-program cannot be started: No such file or directory$"):
        processes.run([Path("/nowhere/no-such-program")])


def test_only_one_file_starts_programs():
    """Everything that is started must be ended: one place does both."""
    root = Path(processes.__file__).parent
    allowed = {root / "processes.py"}
    starters = {path for path in root.rglob("*.py") if "subprocess" in path.read_text()}
    assert starters == allowed


def test_a_program_runs_meanwhile_and_is_ended(tmp_path):
    """Its output is there while it runs; it ends with the block, also where it does not want to."""
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    log = tmp_path / "log"
    with processes.running([sys.executable, "-c", code], cwd=tmp_path, log=log) as process:
        end = time.monotonic() + 20
        while "up" not in log.read_text():
            assert time.monotonic() < end
            time.sleep(0.01)
        assert process.poll() is None
    assert process.returncode == -9
    missing = processes.running(["/nowhere/program"], cwd=tmp_path, log=log)
    with pytest.raises(ToolError, match=r"^program cannot be started: No such file or directory$"):
        missing.__enter__()

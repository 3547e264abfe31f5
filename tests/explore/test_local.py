"""Workers on this machine: one that fails takes all others along, and says why."""

from __future__ import annotations

import time

import pytest

from ffhw.errors import InputError, OutputError, ToolError
from ffhw.explore import local
from ffhw.explore.jobs import Estimate, Source
from ffhw.numbers.scales import Widths

SOURCE = Source("m.keras", b"")
JOBS = [Estimate("0", None, "icebreaker", Widths(bits), 3) for bits in (1, 2, 3)]
# Stands for a worker: the job of one bit meets its end, all others would take a minute.
SCRIPT = """
import json, os, sys, time
if json.loads(sys.argv[2])["widths"]["bits"] > 1:
    time.sleep(60)
time.sleep(0.3)
{end}
"""


@pytest.mark.parametrize(
    ("end", "kind", "message"),
    [
        ("os.kill(os.getpid(), 9)", ToolError, "a worker was killed at --bits 1: is there enough memory?"),
        ("print('yosys is missing', file=sys.stderr); sys.exit(4)", ToolError, "--bits 1: yosys is missing"),
        ("print('the disk is full', file=sys.stderr); sys.exit(6)", OutputError, "--bits 1: the disk is full"),
        ("raise ZeroDivisionError('a defect')", ToolError, "--bits 1: ZeroDivisionError: a defect"),
    ],
)
def test_a_worker_that_fails_ends_all(monkeypatch, end, kind, message):
    monkeypatch.setattr(local, "_WORKER", ("-c", SCRIPT.format(end=end)))
    begin, done = time.monotonic(), []
    with pytest.raises(kind) as failure:
        local.run_local(JOBS, SOURCE, lambda *what: done.append(what), 2)
    assert str(failure.value).startswith(message)
    assert time.monotonic() - begin < 20
    assert not done


@pytest.mark.parametrize("workers", [0, -1, 257])
def test_so_many_workers_are_refused(workers):
    with pytest.raises(InputError, match=f"^--workers must be from 1 to 256, not {workers}$"):
        local.check_workers(workers)

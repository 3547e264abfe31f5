"""Which network is measured where, in which order, and what is kept of it.

Every measurement is a process of its own. The record is written after each: a benchmark that was killed goes on with
the same command, one that came to its end begins anew.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ffhw import __version__
from ffhw.errors import InputError, ToolError
from ffhw.files import check_file, read_regular, write_atomic
from ffhw.processes import run
from ffhw.training.benchmark.subjects import PAPER_SECONDS, SUBJECTS, Effort

DEVICES = ("cpu", "gpu", "tpu")
RUNTIMES = ("tensorflow", "jax")
NAME = "ffhw bench"
_MOST_BYTES = 1 << 20
# What a program has to be told so that it finds no other device than the one that is meant.
_ONLY = {
    ("tensorflow", "cpu"): {"CUDA_VISIBLE_DEVICES": "-1"},
    ("jax", "cpu"): {"JAX_PLATFORMS": "cpu"},
    ("jax", "gpu"): {"JAX_PLATFORMS": "cuda"},
    ("jax", "tpu"): {"JAX_PLATFORMS": "tpu"},
}
# Above the program's own environment: its announcements would hide what it says when it breaks.
_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"}


@dataclasses.dataclass(frozen=True)
class Place:
    """A kind of device, and the runtime that trains on it."""

    device: str
    runtime: str

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.device.upper()}, {'TensorFlow' if self.runtime == 'tensorflow' else 'JAX'}"


def find(runtimes: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Devices and environment of each runtime that is installed, see ``worker.find``.

    Raises
    ------
    InputError: no such runtime. ToolError: none is installed.
    """
    for name in runtimes:
        if name not in RUNTIMES:
            raise InputError(f"--runtime must be {' or '.join(RUNTIMES)}, not {name!r}")
    if importlib.util.find_spec("keras") is None:
        raise ToolError("the benchmark needs keras: pip install 'ffhw[train]'")
    there = [name for name in runtimes if importlib.util.find_spec(name) is not None]
    if not there:
        extra = "train" if "tensorflow" in runtimes else "jax"
        raise ToolError(f"the benchmark needs {' or '.join(runtimes)}: pip install 'ffhw[{extra}]'")
    return {name: _work(Place("any", name), {"find": True}) for name in there}


def places(found: dict[str, dict[str, Any]], wanted: Sequence[str] | None) -> list[Place]:
    """Each kind of device with the first runtime that finds it.

    Parameters
    ----------
    found: from :func:`find`. wanted: kinds of devices, None for all that there are.

    Raises
    ------
    InputError: no such kind. ToolError: a device that is wanted is not there.
    """
    for device in wanted or ():
        if device not in DEVICES:
            raise InputError(f"--devices takes {', '.join(DEVICES)}, not {device!r}")
    chosen = []
    for device in DEVICES:
        runtime = next((name for name, what in found.items() if device in what["devices"]), None)
        if wanted is not None and device not in wanted:
            continue
        if runtime is not None:
            chosen.append(Place(device, runtime))
        elif wanted is not None:
            raise ToolError(f"no {device.upper()} was found by {' or '.join(found)}; leave it out of --devices")
    return chosen


def benchmark(
    folder: Path,
    effort: Effort,
    found: dict[str, dict[str, Any]],
    chosen: Sequence[Place],
    say: Callable[[str], None] = lambda _: None,
    note: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Measure every network at every place; ``folder/bench.json`` is written as it goes.

    Parameters
    ----------
    say: told what begins. note: told now and then how long it has been at it.

    Returns
    -------
    The record: settings, the paper's figures, and a row a network and place.

    Raises
    ------
    ToolError: a measurement broke. OutputError: the record cannot be written.
    """
    target = folder / "bench.json"
    record = {
        "program": NAME,
        "ffhw": __version__,
        "settings": {**dataclasses.asdict(effort), "places": [dataclasses.asdict(place) for place in chosen]},
        "data": "float64, U(0, 1), the same batch again",
        "found": found,
        "paper": {
            "seconds_per_epoch": PAPER_SECONDS,
            "not_known": "its examples an epoch, its device, and the numbers of its figures 16 and 17",
        },
        "complete": False,
    }
    kept = _kept(target, record)
    rows: list[dict[str, Any]] = []
    jobs = [(place, name) for place in chosen for name in SUBJECTS]
    for number, (place, name) in enumerate(jobs, 1):
        row = next((row for row in kept if (row["device"], row["network"]) == (place.device, name)), None)
        if row is None:
            say(f"{name} on {place.title} ({number} of {len(jobs)})")
            row = _row(place, name, effort, note)
        rows.append(row)
        write_atomic(target, json.dumps({**record, "rows": rows, "complete": len(rows) == len(jobs)}, indent=2) + "\n")
    return {**record, "rows": rows, "complete": True}


def check_target(folder: Path) -> None:
    """Refuse a folder in which ``bench.json`` is something else than ours.

    Raises
    ------
    OutputError: no regular file. InputError: not written by this command.
    """
    check_file(folder / "bench.json")
    _read(folder / "bench.json")


def _kept(target: Path, record: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows of an earlier benchmark that was ended, if it measured the same on the same machine."""
    earlier = _read(target)
    same = all(earlier.get(key) == value for key, value in record.items())
    return earlier["rows"] if same else []


def _read(target: Path) -> dict[str, Any]:
    if not target.exists():
        return {}
    try:
        earlier = json.loads(read_regular(target, _MOST_BYTES))
    except ValueError:
        earlier = None
    if not isinstance(earlier, dict) or earlier.get("program") != NAME:
        raise InputError(f"{target} was not written by {NAME}: move it away or choose another folder with -o")
    return earlier


def _row(place: Place, name: str, effort: Effort, note: Callable[[str], None]) -> dict[str, Any]:
    subject = SUBJECTS[name]
    work = {
        "name": name,
        "device": place.device,
        "batches": effort.batches,
        "time_steps": effort.time_steps,
        "batch": effort.batch_of(subject),
    }
    begin = time.monotonic()
    answer = _work(place, work, lambda: note(f"{time.monotonic() - begin:.0f} s"))
    settings = {"network": name, "cell": subject.cell, **dataclasses.asdict(place), "batch": work["batch"]}
    return {**settings, **answer}


def _work(place: Place, wanted: dict[str, Any], tick: Callable[[], None] | None = None) -> dict[str, Any]:
    """What the worker answers.

    Raises
    ------
    ToolError: it broke.
    """
    environment = {**_QUIET, "KERAS_BACKEND": place.runtime, **_ONLY.get((place.runtime, place.device), {})}
    command = [sys.executable, "-m", "ffhw.training.benchmark.worker", json.dumps(wanted)]
    done = run(command, env=environment, tick=tick)
    if done.returncode:
        what = f"{wanted['name']} on {place.title}" if "name" in wanted else f"looking for devices with {place.runtime}"
        # ended by the system, which does so where memory runs out
        reason = "it was killed; is there enough memory?" if done.returncode == -9 else done.reason()
        raise ToolError(f"{what} failed: {reason}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer

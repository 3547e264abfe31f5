"""Commands that are interrupted, ended or killed at random moments: the old result or the new one, and nothing else."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
import zipfile

import numpy as np
import pytest

from ffhw import processes
from ffhw.bundle import Bundle

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
# Moments of each command and signal: few in `make test-long`, sixty in `make soak`.
FEW, MANY = 2, 60


@pytest.fixture(scope="module")
def bundle(keras_models, tmp_path_factory):
    """A bundle, and how long its export takes."""
    folder = tmp_path_factory.mktemp("interrupts")
    begin = time.monotonic()
    export(keras_models, folder / "build").communicate()
    return folder / "build", time.monotonic() - begin


def start(arguments, **options):
    command = [sys.executable, "-m", "ffhw", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def export(keras_models, target, lanes=1, **options):
    return start(["export", keras_models / "tracker.keras", "--lanes", lanes, "-o", target], **options)


def whole(keras_models, target, lanes, **options):
    """An export that nobody disturbs."""
    process = export(keras_models, target, lanes, **options)
    assert process.communicate()[1] == ""
    assert process.returncode == 0


def finish(process):
    """Exit code of a command that nobody disturbs."""
    process.communicate(timeout=300)
    return process.returncode


def left_behind(tmp_path):
    """Temporary files and running programs of ours."""
    names = [p.name for p in tmp_path.rglob("*") if "ffhw-" in p.name]
    marks = {name.lstrip(".").removeprefix("ffhw-").partition("-")[0] for name in names}
    return names, [pid for mark in marks for pid in processes._programs(mark)]


def wait_for_first_line(pid):
    """Until our first line has run, which catches signals: before it Python itself is starting, in its own way."""
    for _ in range(1000):
        with open(f"/proc/{pid}/status") as status:
            caught = next((int(line.split()[1], 16) for line in status if line.startswith("SigCgt:")), 0)
        if caught >> (signal.SIGTERM - 1) & 1:
            return
        time.sleep(0.01)
    raise AssertionError(f"process {pid} never caught SIGTERM")


def disturb(make, tmp_path, number, delay):
    """Start a command, send a signal after a while; what it says and how it ends must be clean."""
    env = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    process = make(env=env)
    wait_for_first_line(process.pid)
    time.sleep(delay)
    process.send_signal(number)
    out, error = process.communicate(timeout=60)
    if process.returncode == 0:
        return out
    if number == signal.SIGKILL:
        assert process.returncode == -number
        return out
    assert process.returncode == CODES[number], error
    assert len(error.strip().splitlines()) == 1, error
    assert "nothing was left half-written" in error
    assert left_behind(tmp_path) == ([], [])
    return out


def moments(count, seconds, seed):
    rng = random.Random(seed)
    return [rng.random() * max(0.5, seconds) for _ in range(count)]


@pytest.mark.parametrize(
    "count", [pytest.param(FEW, marks=pytest.mark.long), pytest.param(MANY, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_export(keras_models, bundle, tmp_path, number, count):
    (tmp_path / "tmp").mkdir()
    target = tmp_path / "build"
    for lanes in (1, 2):
        whole(keras_models, target, lanes)
    kept = {Bundle.open(target).identity}
    whole(keras_models, target, 1)
    kept.add(Bundle.open(target).identity)
    assert len(kept) == 2
    for n, delay in enumerate(moments(count, bundle[1], int(number))):
        disturb(lambda lanes=1 + n % 2, **o: export(keras_models, target, lanes, **o), tmp_path, number, delay)
        assert Bundle.open(target).identity in kept
    # whatever was killed, the next one sweeps
    whole(keras_models, target, 1, env={**os.environ, "TMPDIR": str(tmp_path / "tmp")})
    assert left_behind(tmp_path) == ([], [])


@pytest.mark.simulation
@pytest.mark.parametrize(
    "count", [pytest.param(FEW, marks=pytest.mark.long), pytest.param(MANY, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize(("number", "arguments"), [(signal.SIGINT, ("--all",)), (signal.SIGTERM, ())])
def test_sim(bundle, tmp_path, number, arguments, count):
    (tmp_path / "tmp").mkdir()
    for delay in moments(count, 8.0, int(number)):
        disturb(lambda **o: start(["sim", bundle[0], *arguments], **o), tmp_path, number, delay)
        results = bundle[0] / "results"
        assert not list(results.glob(".ffhw-*"))
        Bundle.open(bundle[0])


@pytest.mark.slow
@pytest.mark.simulation
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_run(bundle, tmp_path, number):
    (tmp_path / "tmp").mkdir()
    np.save(tmp_path / "x.npy", np.random.default_rng(1).normal(size=(4, 6, 3)))
    arguments = ["run", bundle[0], "-i", tmp_path / "x.npy", "-o", tmp_path / "y.npz"]
    assert finish(start(arguments)) == 0
    whole_answer = (tmp_path / "y.npz").read_bytes()
    for n, delay in enumerate(moments(MANY, 8.0, int(number))):
        if n % 2:
            (tmp_path / "y.npz").unlink()
        disturb(lambda **o: start([*arguments, "--backend", "rtl"], **o), tmp_path, number, delay)
        there = (tmp_path / "y.npz").exists()
        assert there or n % 2
        assert not there or (tmp_path / "y.npz").read_bytes() == whole_answer
        (tmp_path / "y.npz").write_bytes(whole_answer)
    swept(arguments, tmp_path)


@pytest.mark.slow
@pytest.mark.synthesis
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_synth(bundle, tmp_path, number):
    (tmp_path / "tmp").mkdir()
    arguments = ["synth", bundle[0], "--board", "icebreaker"]
    for delay in moments(MANY, 40.0, int(number)):
        disturb(lambda **o: start(arguments, **o), tmp_path, number, delay)
        opened = Bundle.open(bundle[0])
        folder = bundle[0] / "results/synth-icebreaker"
        # a result, with the bitstream that it tells of, or none
        assert folder.exists() == ("synth-icebreaker" in opened.results())
    swept(["report", bundle[0]], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_train(tmp_path, number):
    """All files of one training or all of the other."""
    (tmp_path / "tmp").mkdir()

    def train(seed, **options):
        arguments = ["train", "flipflop3", "--units", 3, "--epochs", 1, "--seed", seed, "-o", tmp_path / "m.keras"]
        return start(arguments, **options)

    def files():
        # Keras writes the date of saving beside the weights
        return {path.name: weights(path) if path.suffix == ".keras" else path.read_bytes()
                for path in tmp_path.glob("m.*") if path.suffix != ".json"}  # fmt: skip

    def weights(path):
        with zipfile.ZipFile(path) as model:
            return model.read("model.weights.h5")

    kept, seconds = [], 0.0
    for seed in (1, 2):
        begin = time.monotonic()
        assert finish(train(seed)) == 0
        seconds = time.monotonic() - begin
        kept.append(files())
    assert kept[0] != kept[1]
    for n, delay in enumerate(moments(MANY, seconds, int(number))):
        disturb(lambda seed=1 + n % 2, **o: train(seed, **o), tmp_path, number, delay)
        assert files() in kept
    swept(["train", "flipflop3", "--units", 3, "--epochs", 1, "-o", tmp_path / "m.keras"], tmp_path)


def swept(arguments, tmp_path):
    """A command that nobody disturbs clears away what was killed before it."""
    assert finish(start(arguments, env={**os.environ, "TMPDIR": str(tmp_path / "tmp")})) == 0
    assert left_behind(tmp_path) == ([], [])

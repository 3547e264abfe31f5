"""The commands for boards, against a device in Python and a board in simulation."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from bundles import bundle_of
from fake_board import FakeBoard, identity_of
from networks import random_network
from wires import device

from ffhw import cli
from ffhw.model import golden


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return bundle_of(tmp_path_factory.mktemp("board"), random_network(1, inputs=3, units=(6,), outputs=2, bits=8))


@pytest.fixture
def fake(bundle):
    return FakeBoard(bundle.network(), identity_of(bundle.network(), bundle=bundle.identity))


@pytest.fixture
def url(fake):
    with device(fake.feed) as found:
        yield found


@pytest.fixture
def ffhw(monkeypatch, capsys):
    """Runs a command; exit code, output, error."""

    def run(*arguments, text=""):
        monkeypatch.setattr(sys, "argv", ["ffhw", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        with pytest.raises(SystemExit) as caught:
            cli.main()
        printed = capsys.readouterr()
        return caught.value.code or 0, printed.out, printed.err

    return run


def test_list_and_detect(ffhw):
    code, out, _ = ffhw("board", "list")
    assert code == 0
    assert re.search(r"^icebreaker +iCEBreaker .*loads from flash only$", out, re.MULTILINE)
    assert ffhw("board", "detect")[0] == 0


def test_info(ffhw, bundle, url):
    code, out, _ = ffhw("board", "info", "--port", url)
    assert code == 0
    assert f"bundle {bundle.identity}\n" in out
    assert "clock 24 MHz, 1,000,000 baud, window 511 bytes\n" in out
    assert "input: 3 of Fixed(8, frac=6), 1 a beat\n" in out


def test_test_passes_and_fails_with_three(ffhw, bundle, fake, url):
    code, out, _ = ffhw("board", "test", bundle.path, "--port", url, "--seconds", "0")
    assert code == 0
    assert "equal: 192 codes of 8 sequences\n" in out
    fake.network = random_network(2, inputs=3, units=(6,), outputs=2, bits=8)
    code, _, err = ffhw("board", "test", bundle.path, "--port", url, "--seconds", "0")
    assert code == 3
    assert re.fullmatch(r"ffhw: board differs from the golden model in 1\d\d of 192 codes, first at .*\n", err)


def test_run_on_a_board(ffhw, bundle, url, tmp_path, rng):
    x = rng.normal(size=(4, 7, 3))
    np.savez(tmp_path / "x.npz", x=x, lengths=[7, 1, 3, 7])
    code, out, _ = ffhw(
        "run", bundle.path, "-i", tmp_path / "x.npz", "--backend", "board", "--port", url, "-o", tmp_path / "y.npz"
    )
    assert code == 0
    assert "board equals the golden model in all 56 codes\n" in out
    network = bundle.network()
    want = golden.run(network, network.encode(x), [7, 1, 3, 7]).outputs
    assert np.array_equal(np.load(tmp_path / "y.npz")["codes"], want)


def test_a_port_is_asked_for(ffhw, bundle, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((1, 2, 3)))
    code, _, err = ffhw("run", bundle.path, "-i", tmp_path / "x.npy", "--backend", "board")
    assert code == 2
    assert err == "ffhw: --backend board needs --port: ffhw board detect lists the ports there are\n"


def test_gates_are_those_of_a_board(ffhw, bundle, monkeypatch):
    from ffhw.sim import gates

    for options in (("--level", "gates"), ("--board", "icebreaker"), ("--level", "switches")):
        code, _, err = ffhw("sim", bundle.path, *options)
        assert (code, err) == (2, "ffhw: --level must be rtl, or gates with --board NAME\n")
    seen = []
    result = {"codes": 1234, "cycles": 5678, "file": "somewhere"}
    monkeypatch.setattr(gates, "simulate_gates", lambda *given: (seen.append(given[1:3]), result)[1])
    code, out, _ = ffhw("sim", bundle.path, "--level", "gates", "--board", "icebreaker", "--all")
    assert code == 0
    assert out == "netlist: 1,234 codes equal to the golden model's, 5,678 cycles simulated\nwrote somewhere\n"
    assert [(board.name, steps) for board, steps in seen] == [("icebreaker", 10_000)]


def test_nobody_answers(ffhw):
    code, _, err = ffhw("board", "info", "--port", "socket://localhost:1")
    assert code == 4
    assert err.startswith("ffhw: cannot open socket://localhost:1: ")


def test_stream_says_what_is_wrong(ffhw, url, tmp_path):
    for text, message in (
        ("# a comment\n1 2 x\n", "line 2 must hold numbers, not '1 2 x'"),
        ("1, 2\n", "a step must have 3 numbers, not 2"),
    ):
        file = tmp_path / "lines.csv"
        file.write_text(text)
        code, _, err = ffhw("stream", "--port", url, "-i", file, "--length", "9")
        assert (code, err) == (2, f"ffhw: {message}\n")
    assert ffhw("stream", "--port", url, "-i", tmp_path / "none")[0] == 2


@pytest.mark.simulation
def test_serve_in_one_terminal_and_stream_in_another(ffhw, bundle, rng, tmp_path):
    """A whole board: the command line of one process serves it to that of another; then it is interrupted."""
    log = tmp_path / "log"
    command = [sys.executable, "-m", "ffhw", "board", "serve", bundle.path, "--board", "icebreaker", "--port", "0"]
    with open(log, "wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        try:
            end = time.monotonic() + 60
            while not (found := re.search(r"--port (socket://\S+)", log.read_text())):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < end
                time.sleep(0.05)
            assert "iCEBreaker (iCE40 UP5K) at 24 MHz, 3,000,000 baud" in log.read_text()
            x = rng.normal(size=(5, 3)).round(3)
            text = "# time a b c\n" + "".join(" ".join(map(str, row)) + "\n" for row in x)
            code, printed, err = ffhw(
                "stream", "--port", found.group(1), "--bundle", bundle.path, text=text + "\n" + text
            )
            assert code == 0, err
            got = np.array([[float(word) for word in line.split()] for line in printed.splitlines()])
            network = bundle.network()
            want = network.decode(golden.run(network, network.encode(x)[None]).outputs[0])
            assert np.allclose(got, np.concatenate([want, want]), rtol=1e-5)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(20)
            finally:
                process.kill()
    assert process.returncode == 130
    assert "interrupted" in log.read_text()
    assert not [pid for pid in os.listdir("/proc") if pid.isdigit() and _is_child(int(pid), process.pid)]


def _is_child(pid, parent):
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return f".{parent}.".encode() in file.read()
    except OSError:
        return False

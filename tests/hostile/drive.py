"""Runs hostile cases through the real command line and says which ended badly.

    python tests/hostile/drive.py --count 2000 [--seed 1] [--jobs 2] [--skip 0] [--models FOLDER]

A case ends well if the command refuses it in one line with an exit code of its class, or succeeds and gives what the
honest original gives; in under 10 seconds, in under 512 MiB where it refuses, and without writing anything outside its
folder. Each command runs in a fork of a process that has the packages loaded, so that thousands take minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path[:0] = [
    str(Path(__file__).parent),
    *(str(Path(__file__).parent.parent / room) for room in ("", "reading/onnx")),
]
from cases import Case, bundle_cases, data_cases, model_cases, onnx_cases  # noqa: E402  # a script beside its module

MOST_SECONDS = 10
MOST_KIB = 512 << 10
REFUSALS = {2, 3, 4, 5, 6, 7}
MODELS = """
import os; os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras, numpy as np
from ffhw.training.layers.jk import JK
L = keras.layers
keras.utils.set_random_seed(7)
keras.Sequential([L.Input((None, 4)), L.Masking(), JK(6), L.Dense(3, activation="softmax")]).save("classifier.keras")
i = keras.Input((None, 4)); h = JK(5, return_sequences=True)(L.BatchNormalization()(i))
keras.Model(i, L.Dense(3)(h)).save("functional.keras")
keras.Sequential([L.Input((None,)), L.Embedding(11, 4), JK(6), L.Dense(3)]).save("text.keras")
"""


def prepare(folder: Path, models: Path | None) -> dict[str, Any]:
    """Honest originals: models, a bundle with results, and what they give."""
    if models is None:
        subprocess.run([sys.executable, "-c", MODELS], cwd=folder, check=True, stderr=subprocess.DEVNULL)
    else:
        for path in models.glob("*.keras"):
            shutil.copy(path, folder)
    names = ["classifier", "functional", "text"] if models is None else ["classifier", "tracker", "text"]
    raw = {name: (folder / f"{name}.keras").read_bytes() for name in names}
    rng = np.random.default_rng(2)
    np.save(folder / "x.npy", rng.normal(size=(3, 6, 4)))
    np.savez(folder / "d.npz", x=rng.normal(size=(20, 6, 4)), y=rng.integers(0, 3, 20))
    for name in names:
        data = ["--data", str(folder / "d.npz")] if name == "classifier" else []
        honest([*("export", f"{name}.keras", "-o", f"out-{name}"), *data], folder)
    honest(["run", "out-classifier", "-i", "x.npy", "-o", "y.npz"], folder)
    results = folder / "out-classifier" / "results"
    from ffhw.bundle import Bundle

    bundle = Bundle.open(folder / "out-classifier")
    figures = {"compared": 1, "cycles": 2, "cycles_per_step": 3, "predicted_cycles_per_step": 3, "sequences": 1}
    bundle.add_result(
        "sim-verilator", {"simulator": "verilator", "internals": False, "steps": 4, "stalls": 0.3, **figures}
    )
    assert list(results.glob("*.json"))
    return {"raw": raw, "bundle": folder / "out-classifier", "onnx": onnx_originals(folder)}


def onnx_originals(folder: Path) -> list[bytes]:
    """ONNX files that can be read: a layer as PyTorch writes it, of ours the floats (a function) and the integers."""
    from graphs import torch_model

    from ffhw.onnx.floats.export import to_float_onnx
    from ffhw.reading.model_file import read_model

    ours = to_float_onnx(read_model(folder / "classifier.keras")).SerializeToString()
    theirs = [torch_model(kind).SerializeToString() for kind in ("LSTM", "RNN")]
    originals = [*theirs, ours]
    for number, content in enumerate(originals):
        (folder / f"{number}.onnx").write_bytes(content)
        honest(["export", f"{number}.onnx", "-o", f"out-onnx-{number}"], folder)
    return [*originals, (folder / "out-classifier" / "model.onnx").read_bytes()]


def honest(arguments: list[str], folder: Path) -> None:
    """A command that must succeed."""
    run = subprocess.run([sys.executable, "-m", "ffhw", *arguments], cwd=folder, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def cases(originals: dict[str, Any], seed: int, count: int) -> Iterator[tuple[Case, str]]:
    """The cases, each with the name of the model that it is made from."""
    rng = random.Random(seed)
    raw = originals["raw"]
    streams: list[tuple[Any, str]] = [(model_cases(content, rng), name) for name, content in raw.items()]
    streams.append((data_cases(raw["classifier"], rng), "classifier"))
    streams.append((bundle_cases(originals["bundle"], rng), "classifier"))
    streams += [(onnx_cases(content, rng), "classifier") for content in originals["onnx"]]
    for number in range(count):
        stream, name = streams[number % len(streams)]
        yield next(stream), name


def judge(case: Case, original: str, number: int, base: Path) -> str | None:
    """Run one case; what was bad about how it ended, None if nothing."""
    folder = base / f"case-{number}"
    folder.mkdir()
    shutil.copy(base / "classifier.keras", folder / "m.keras")
    shutil.copy(base / "x.npy", folder / "x.npy")
    case.make(folder)
    begin = time.monotonic()
    child = os.fork()
    if child == 0:
        run_command(case.arguments, folder)
    while True:
        pid, status, used = os.wait4(child, os.WNOHANG)
        if pid:
            break
        if time.monotonic() - begin > MOST_SECONDS:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return f"hangs over {MOST_SECONDS} s"
        time.sleep(0.005)
    code = os.waitstatus_to_exitcode(status)
    error = (folder / "stderr").read_text(errors="replace").strip()
    bad = badness(case, original, folder, base, code, error, used)
    shutil.rmtree(folder)
    return bad


def badness(case: Case, original: str, folder: Path, base: Path, code: int, error: str, used: Any) -> str | None:
    """What was bad about how a command ended."""
    if "Traceback" in error:
        return f"a traceback: {error.splitlines()[-1]}"
    if code == 0:
        if case.sound == "weights" and not same_weights(folder / "out", base / f"out-{original}"):
            return "a changed weight was accepted"
        if case.sound == "outputs" and not same_arrays(folder / "y.npz", base / "y.npz"):
            return "a changed output was accepted"
    elif code not in REFUSALS:
        return f"exit code {code}: {error[-200:]}"
    elif len(error.splitlines()) != 1 or not error.startswith("ffhw: "):
        return f"not one line: {error[-300:]!r}"
    elif used.ru_maxrss > MOST_KIB:
        return f"took {used.ru_maxrss >> 10} MiB to refuse"
    if list(folder.glob(".ffhw-*")) or list((folder / "tmp").glob("ffhw-*")):
        return "left a temporary file"
    strange = {p.name for p in folder.iterdir()} - {
        "m.keras", "m.onnx", "x.npy", "d.npz", "d.npy", "b", "out", "y.npz", "stdout", "stderr", "tmp",
    }  # fmt: skip
    return f"wrote {strange}" if strange else None


def same_weights(one: Path, other: Path) -> bool:
    """Whether two bundles hold the same arrays."""
    with np.load(one / "network.npz") as a, np.load(other / "network.npz") as b:
        names = set(a.files) - {"header"}
        return names == set(b.files) - {"header"} and all(np.array_equal(a[n], b[n]) for n in names)


def same_arrays(one: Path, other: Path) -> bool:
    with np.load(one) as a, np.load(other) as b:
        return all(np.array_equal(a[name], b[name]) for name in b.files)


def run_command(arguments: tuple[str, ...], folder: Path) -> None:
    """In the child: the command, its output to files."""
    os.chdir(folder)
    (folder / "tmp").mkdir()
    tempfile.tempdir = str(folder / "tmp")
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT), number)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8")
    sys.stderr = os.fdopen(2, "w", encoding="utf-8")
    sys.argv = ["ffhw", *arguments]
    code = 1
    try:
        from ffhw.__main__ import start

        start()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def work(originals: dict[str, Any], options: argparse.Namespace, job: int, base: Path) -> None:
    """In a worker: make and judge its share of the cases, write what was bad as JSON."""
    bad = []
    share = options.count // options.jobs + (job < options.count % options.jobs)
    for number, (case, original) in enumerate(cases(originals, options.seed * 100 + job, share)):
        if number < options.skip:
            continue
        try:
            reason = judge(case, original, number * options.jobs + job, base)
        except Exception as error:
            reason = f"cannot be judged: {traceback.format_exception_only(error)[-1].strip()}"
        if reason:
            command = " ".join(case.arguments)
            bad.append(f"job {job}, case {number}, {case.name}, ffhw {command}: {reason}")
    (base / f"bad-{job}.json").write_text(json.dumps(bad))


def main() -> int:
    """Run the cases, print a summary and what was bad; exit code 1 if anything was."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--skip", type=int, default=0, help="cases of each job that are only made")
    parser.add_argument("--models", type=Path)
    options = parser.parse_args()
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="hostile-") as name:
        base = Path(name)
        originals = prepare(base, options.models)
        # loaded once, forked thousands of times
        import amaranth.back.rtlil  # noqa: F401
        import matplotlib.figure  # noqa: F401

        import ffhw.backends.onnx_runtime
        import ffhw.cli
        import ffhw.hdl.design
        import ffhw.onnx.export
        import ffhw.reading.onnx.model  # noqa: F401

        workers = []
        for job in range(options.jobs):
            worker = os.fork()
            if worker == 0:
                code = 1
                try:
                    work(originals, options, job, base)
                    code = 0
                except BaseException:
                    traceback.print_exc()  # a worker that breaks, as no case may, says why
                finally:
                    os._exit(code)
            workers.append(worker)
        failed = [os.waitpid(worker, 0)[1] for worker in workers]
        assert not any(failed), "a worker broke"
        bad = [entry for job in range(options.jobs) for entry in json.loads((base / f"bad-{job}.json").read_text())]
    print("\n".join(bad))
    good = options.count - len(bad)
    print(f"{good} of {options.count} hostile cases ended well, {time.monotonic() - begin:.0f} s")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

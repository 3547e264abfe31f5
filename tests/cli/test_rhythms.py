"""A model that answers not every step, from its file to its page."""

from __future__ import annotations

import numpy as np
import pytest
from commands import fails, ffhw

from ffhw.bundle import Bundle

pytestmark = pytest.mark.simulation


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    import keras
    from keras import layers

    from ffhw.training.layers.jk import JK

    where = tmp_path_factory.mktemp("rhythms")
    keras.utils.set_random_seed(1)
    parts = [layers.Conv1D(6, 3, strides=2, activation="relu"), JK(5, return_sequences=True)]
    keras.Sequential([layers.Input((None, 3)), *parts, layers.GlobalAveragePooling1D(), layers.Dense(3)]).save(
        where / "pooled.keras"
    )
    keras.Sequential([layers.Input((None, 3)), *parts, layers.Dense(2)]).save(where / "steps.keras")
    rng = np.random.default_rng(0)
    x, lengths = rng.normal(size=(9, 25, 3)), rng.integers(6, 26, 9)
    lengths[0] = 25
    np.savez(where / "pooled.npz", x=x, lengths=lengths, y=rng.integers(0, 3, 9))
    np.savez(where / "steps.npz", x=x, lengths=lengths, y=rng.normal(size=(9, 12, 2)))
    np.savez(where / "long.npz", x=np.zeros((2, 90, 3)), lengths=[5, 90])
    np.savez(where / "short.npz", x=np.zeros((2, 9, 3)), lengths=[5, 2])
    return where


@pytest.mark.long
@pytest.mark.parametrize("name", ["pooled", "steps"])
def test_the_whole_road(folder, name, icarus):
    build, data = folder / name, folder / f"{name}.npz"
    run = ffhw("export", folder / f"{name}.keras", "--data", data, "--bits", 6, "--lanes", 2, "-o", build)
    assert run.returncode == 0, run.stderr
    assert "27 cycles every 2 steps" in run.stdout
    assert ("up to 32 steps" in run.stdout) == (name == "pooled")
    assert Bundle.open(build).network().max_steps == (32 if name == "pooled" else None)
    run = ffhw("sim", build, "--sim", "icarus", "--internals")
    assert run.returncode == 0, run.stderr
    run = ffhw("run", build, "-i", data, "--backend", "onnx", "-o", folder / f"{name}-answers.npz")
    assert run.returncode == 0, run.stderr
    shape = (9, 3) if name == "pooled" else (9, 12, 2)
    assert np.load(folder / f"{name}-answers.npz")["codes"].shape == shape
    assert ffhw("report", build).returncode == 0


def test_sequences_that_the_network_cannot_take_end_in_one_line(folder):
    model, data = folder / "pooled.keras", folder / "pooled.npz"
    export = ("export", model, "--data", data, "-o", folder / "c", "--max-steps")
    fails(ffhw(*export, 4), 2, "--max-steps 4 is too few: pooled.npz has a sequence of 25 steps")
    fails(ffhw(*export, 0), 2, "--max-steps must be from 1 to 16777216, not 0")
    assert ffhw(*export, 40).returncode == 0
    run = ffhw("run", folder / "c", "-i", folder / "long.npz")
    fails(run, 2, "long.npz: sequence 1 has 90 steps, the network takes at most 40: cut it, or export the model with")
    run = ffhw("run", folder / "c", "-i", folder / "short.npz")
    fails(run, 2, "short.npz: sequence 1 has 2 steps, the model answers from 3 steps on")

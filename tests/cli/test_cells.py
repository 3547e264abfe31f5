"""Every recurrent cell in one model, from its file to its page, as a user types it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from commands import ffhw

from ffhw.bundle import Bundle

pytestmark = pytest.mark.simulation


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    import keras
    from keras import layers

    from ffhw.training.layers.jk import JK
    from ffhw.training.layers.sr import SR
    from ffhw.training.layers.toggle import Toggle

    where = tmp_path_factory.mktemp("cells")
    keras.utils.set_random_seed(1)
    keras.Sequential(
        [
            layers.Input((None, 3)),
            layers.Masking(),
            layers.Bidirectional(layers.GRU(4, return_sequences=True), merge_mode="concat"),
            layers.LSTM(5, return_sequences=True, go_backwards=True),
            layers.GRU(4, reset_after=False, return_sequences=True),
            SR(4, both="hold", closing=True, return_sequences=True),
            layers.SimpleRNN(3, return_sequences=True),
            JK(4, recurrent_gates=False, return_sequences=True),
            Toggle(4),
            layers.Dense(3, activation="softmax"),
        ]
    ).save(where / "all.keras")
    rng = np.random.default_rng(0)
    lengths = rng.integers(3, 13, 12)
    x = np.where(np.arange(12)[:, None] < lengths[:, None, None], rng.normal(size=(12, 12, 3)), 0.0)
    np.savez(where / "all.npz", x=x, lengths=lengths, y=rng.integers(0, 3, 12))
    return where


@pytest.mark.long
def test_the_whole_road(folder):
    build = folder / "build"
    export = ("export", folder / "all.keras", "--data", folder / "all.npz", "--keep-state", "--cell-bits", 10)
    run = ffhw(*export, "--lanes", 2, "-o", build)
    assert run.returncode == 0, run.stderr
    assert "reads backwards, so that its states start from zero in each sequence" in run.stdout
    kinds = ["bidirectional", "reversal", "lstm", "gru_reset_before", "sr", "simple_rnn", "jk", "toggle", "dense"]
    assert [layer.kind for layer in Bundle.open(build).network().layers] == kinds
    run = ffhw("sim", build, "--all", "--internals")
    assert run.returncode == 0, run.stderr
    compared = json.loads((build / "results/sim-all.json").read_text())["compared"]
    assert compared > 3000
    run = ffhw("run", build, "-i", folder / "all.npz", "--backend", "onnx")
    assert run.returncode == 0, run.stderr
    run = ffhw("report", build)
    assert run.returncode == 0, run.stderr
    page = (build / "results/report.html").read_text()
    assert "bidirectional gru, concat" in page
    assert "sr, hold, gates that close" in page

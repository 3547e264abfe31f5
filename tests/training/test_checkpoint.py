"""A training that was killed goes on, and ends as if it never had been."""

from __future__ import annotations

import dataclasses
import re

import keras
import numpy as np
import pytest

from ffhw.errors import InputError
from ffhw.training.checkpoint import Checkpoint, Progress, fit
from ffhw.training.tasks.frames import TASK as FRAMES
from ffhw.training.tasks.frames import FramesPreset
from ffhw.training.tasks.signal import TASK as SIGNAL
from ffhw.training.tasks.signal import SignalPreset
from ffhw.training.train import train

SMALL = {
    "signal": (SIGNAL, SignalPreset("waves", 4, 5, 3, 1e-2, cosine=True, signals=5, steps=6)),
    # batch normalization and an optimizer with two moving averages a weight
    "frames": (FRAMES, FramesPreset("squares", 2, 4, 3, 0.1, clips=10, frames=3, size=8, layers=1)),
}


class Killed(Exception):
    pass


def killed_after(epochs):
    def progress(epoch, *_):
        if epoch == epochs:
            raise Killed

    return progress


@pytest.mark.long
@pytest.mark.parametrize("name", ["signal", pytest.param("frames", marks=pytest.mark.training)])
def test_killed_and_resumed_is_never_killed(tmp_path, name):
    task, preset = SMALL[name]
    whole, parts = tmp_path / "whole.keras", tmp_path / "parts.keras"
    record = train(task, whole, preset=preset, checkpoint_seconds=0)
    for epochs in (2, preset.epochs - 1):
        with pytest.raises(Killed):
            train(task, parts, preset=preset, checkpoint_seconds=0, progress=killed_after(epochs))
        assert parts.with_suffix(".checkpoint.npz").exists()
        assert not parts.exists()
    seen = []
    again = train(task, parts, preset=preset, checkpoint_seconds=0, progress=lambda epoch, *_: seen.append(epoch))
    assert seen == [preset.epochs]
    assert again["history"] == record["history"]
    assert again["test"] == record["test"]
    models = [keras.models.load_model(path) for path in (whole, parts)]
    for one, two in zip(*(model.get_weights() for model in models), strict=True):
        assert np.array_equal(one, two)
    assert not parts.with_suffix(".checkpoint.npz").exists()


def test_another_trainings_checkpoint_is_refused_and_left_alone(tmp_path):
    task, preset = SMALL["signal"]
    with pytest.raises(Killed):
        train(task, tmp_path / "m.keras", preset=preset, checkpoint_seconds=0, progress=killed_after(1))
    checkpoint = tmp_path / "m.checkpoint.npz"
    content = checkpoint.read_bytes()
    message = re.escape(f"{checkpoint} is of a training with units 4, not 6: use the same options to go on, or remove")
    with pytest.raises(InputError, match=f"^{message}"):
        train(task, tmp_path / "m.keras", preset=dataclasses.replace(preset, units=6))
    assert checkpoint.read_bytes() == content
    checkpoint.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"m\.checkpoint\.npz is damaged: remove .* to begin anew$"):
        train(task, tmp_path / "m.keras", preset=preset)


def test_an_option_that_a_checkpoint_does_not_know_was_off(tmp_path):
    def model():
        made = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        made.compile("sgd", "mse")
        return made

    Checkpoint(tmp_path / "c.npz", {"units": 4}).save(model(), Progress(epochs=3))
    later = {"units": 4, "newer": False}
    assert Checkpoint(tmp_path / "c.npz", later).restore(model()).epochs == 3
    with pytest.raises(InputError, match="is of a training with newer None, not True"):
        Checkpoint(tmp_path / "c.npz", {**later, "newer": True}).restore(model())


@pytest.mark.parametrize(
    ("losses", "best"),
    [
        ((9.0, 3.0, 1.0, 2.0, 1.5), 2),
        ((9.0, 3.0, 1.0, 2.0, 1.0), 4),
        ((9.0, 4.0, 3.0, 2.0, 1.0), 4),
        ((9.0, 1.0, 2.0, 3.0, 4.0), 1),
        ((0.5, 1.0, 2.0, 3.0, 4.0), 0),  # before the first
    ],
)
@pytest.mark.parametrize("killed", [False, True])
def test_the_best_epoch_is_kept_the_last_of_equals(losses, best, killed, tmp_path):
    checkpoint = Checkpoint(tmp_path / "m.checkpoint.npz", {})

    def model():
        keras.utils.set_random_seed(1)
        made = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        made.compile("adam", "mse")
        return made

    x = np.random.default_rng(1).normal(size=(8, 2)).astype(np.float32)
    feed = {"x": x, "y": x[:, :1], "shuffle": False}
    after = []

    def told(epoch, *_):
        if killed and epoch == 3:
            raise Killed

    def train_on(made):
        given = iter(losses[len(after) :])

        def judge():
            after.append(made.get_weights())
            return next(given)

        fit(made, feed, 4, checkpoint, 0.0, told, judge=judge)

    if killed:
        with pytest.raises(Killed):
            train_on(model())
        killed = False
    made = model()
    train_on(made)
    assert len(after) == 5
    for kept, wanted in zip(made.get_weights(), after[best], strict=True):
        assert np.array_equal(kept, wanted)

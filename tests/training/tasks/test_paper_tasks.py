"""Every task of the paper, at sizes of seconds: trained, scored, drawn and written."""

from __future__ import annotations

import dataclasses
import json

import keras
import numpy as np
import pytest

from ffhw.errors import InputError
from ffhw.model.compare import compare
from ffhw.model.quantize import quantize
from ffhw.reading.data_file import load_data
from ffhw.reading.keras_model import read_model
from ffhw.training.datasets import hershey
from ffhw.training.networks.options import RecurrentOptions
from ffhw.training.tasks import PAPER_TASKS, action, frames, handwriting, lung, sentiment, signal, text
from ffhw.training.train import train

# In the original's form, made by us: a blank, then marks for the characters that follow it in ASCII.
GLYPHS = "\n".join(["    1  1JZ", *(f"{n:5}  7JZM[RFW[ RNTVT" for n in range(2, 96))]) + "\n"

SMALL = {
    "signal": signal.SignalPreset("points", 4, 1, 4, 1e-2, signals=3, steps=6),
    "text": text.TextPreset("generated", 5, 1, 8, 1e-2, characters=3000, window=20, embedding=3),
    "sentiment": sentiment.SentimentPreset("generated", 3, 1, 20, 1e-2, reviews=60, length=12, words=30, embedding=2),
    "frames": frames.FramesPreset("squares", 2, 1, 4, 1e-2, clips=10, frames=4, size=8, layers=1),
    "handwriting": handwriting.HandwritingPreset("hershey", 5, 1, 8, 1e-2, lines=20, points=20, characters=3),
    "lung": lung.LungPreset("phantoms", 2, 1, 2, 1e-2, stacks=5, slices=4, size=16),
    "action": action.ActionPreset("generated", 2, 1, 50, 1e-2, clips=1, frames=3, size=12, dense=4, pool=3),
}
PICTURES = {
    "signal": {"signals"},
    "text": {"sample"},
    "sentiment": {"answers"},
    "frames": {"frames"},
    "handwriting": {"writing"},
    "lung": {"masks"},
    "action": {"clips", "confusion"},
}
EXPORTED = set(SMALL) - {"handwriting"}


@pytest.fixture(autouse=True)
def marks(monkeypatch):
    monkeypatch.setattr(hershey, "fonts", lambda: [hershey.read_font(GLYPHS)])


def test_all_are_here():
    assert set(SMALL) == set(PAPER_TASKS)
    for task in PAPER_TASKS.values():
        assert set(task.presets) == {"quick", "paper"}
        assert {preset.source for preset in task.presets.values()} <= set(task.sources)


@pytest.mark.long
@pytest.mark.parametrize("name", SMALL)
def test_trained_scored_drawn_and_written(tmp_path, name):
    record = train(PAPER_TASKS[name], tmp_path / "m.keras", preset=SMALL[name])
    pictures = {f"m.{picture}.png" for picture in PICTURES[name] | {"loss"}}
    wanted = {"m.keras", "m.json", *pictures} | ({"m.data.npz"} if name in EXPORTED else set())
    assert {path.name for path in tmp_path.iterdir()} == wanted
    if name in EXPORTED:
        network = read_model(tmp_path / "m.keras")
        data = load_data(tmp_path / "m.data.npz", network.signature)
        compared = compare(network, quantize(network, data.x, data.lengths), data)
        assert compared["float"].keys() == compared["quantized"].keys() != set()
        assert record["sparsity"] is not None
    assert all((tmp_path / picture).read_bytes().startswith(b"\x89PNG") for picture in pictures)
    assert json.loads((tmp_path / "m.json").read_text()) == record
    assert all(np.isfinite(value) for value in record["test"].values())
    # the baseline is scored by the same figures
    assert set(record["test"]) & set(record["baseline"])
    assert isinstance(record["baseline"]["name"], str)
    assert record["environment"]["backend"] == keras.backend.backend()
    assert record["centered"]
    assert record["hold_bias"] is (name != "signal")  # of random points here


@pytest.mark.parametrize("name", SMALL)
def test_data_depend_on_the_seed_alone(name):
    task = PAPER_TASKS[name]
    one, same, other = (task.examples(SMALL[name], seed) for seed in (1, 1, 2))
    for part in ("x", "y", "x_test", "y_test"):
        values = [v if isinstance(v, dict) else {"": v} for v in (getattr(d, part) for d in (one, same, other))]
        assert all(np.array_equal(values[0][key], values[1][key]) for key in values[0])
    assert not np.array_equal(one.y, other.y) or not np.array_equal(one.x, other.x)


def test_a_large_test_split_is_written_as_far_as_a_reader_takes_it(monkeypatch):
    data = frames.TASK.examples(SMALL["frames"], 1)
    assert len(frames.TASK.exports(data)["x"]) == len(data.x_test) == 2
    monkeypatch.setattr("ffhw.training.tasks.base.MOST_ELEMENTS", data.y_test[0].size)
    few = frames.TASK.exports(data)
    assert [len(part) for part in few.values()] == [1, 1, 1]
    assert few["x"].max() == 1.0


@pytest.mark.parametrize(
    ("options", "arguments", "message"),
    [
        ({}, {"name": "large"}, r"^--preset of signal must be one of quick, paper, not 'large'$"),
        ({}, {"source": "speech"}, r"^--data of signal must be one of waves, points, not 'speech'$"),
        ({"cell": "rnn"}, {}, r"^signal takes --cell jk, lstm, gru, not 'rnn'$"),
        (
            {"density": 0.5},
            {},
            r"^signal takes none of --tau-ms, --dale, --density, --no-self-connection, --hold-penalty",
        ),
        ({"centered": False}, {}, r"^signal takes none of .*, --no-centered, --closing-gates$"),
        ({"closing": True}, {}, r"^signal takes none of .*, --closing-gates$"),
    ],
)
def test_what_a_task_has_not_is_refused(options, arguments, message):
    with pytest.raises(InputError, match=message):
        signal.TASK.preset(RecurrentOptions(**options), **arguments)


def test_squares_move_together_and_come_in_again():
    preset = frames.FramesPreset("squares", 2, 1, 4, 1e-2, clips=6, frames=5, size=20)
    clips = frames.generate(preset, 3) > 0
    assert clips.shape == (6, 5, 20, 20)
    # rounded alike, each square keeps its form: no frame loses or gains much, and the whole may shift
    for clip in clips:
        moved = [np.roll(clip[0], (r, c), (0, 1)) for r in range(-2, 3) for c in range(-2, 3)]
        assert max((clip[1] & m).sum() for m in moved) > 0.6 * clip[1].sum()


def test_a_phantoms_volume_is_that_of_its_mask():
    preset = lung.LungPreset("phantoms", 2, 1, 2, 1e-2, stacks=1, slices=40, size=64)
    for seed in range(3):
        _, mask, voxel_ml, volume = lung.phantom(preset, np.random.default_rng(seed))
        assert mask.sum() * voxel_ml == pytest.approx(volume, rel=0.02)


def test_no_group_of_clips_is_in_both_splits():
    preset = SMALL["action"]
    data = action.TASK.examples(preset, 1)
    assert len(data.y) == 4 * len(data.y_test) == 4 * 5 * 11
    assert set(np.unique(data.y_test)) == set(range(11))
    looks = [action.clip_of("up", preset, group, np.random.default_rng(1)) for group in (1, 1, 2)]
    assert np.array_equal(looks[0], looks[1])
    assert not np.array_equal(looks[0], looks[2])


def test_points_are_memorised():
    """Nothing in one step of them tells the next one; a mean of each class has the variance of U(-1, 1), a third."""
    found = signal.TASK.preset(RecurrentOptions(), source="points")
    assert found.epochs == signal.POINTS_EPOCHS
    assert signal.TASK.preset(RecurrentOptions(), "paper", "points").epochs == 2000
    preset = dataclasses.replace(found, units=24, steps=20, signals=1)
    data = signal.TASK.examples(preset, 1)
    keras.utils.set_random_seed(1)
    model = signal.TASK.build(RecurrentOptions(), preset, data, 1)
    model.compile(keras.optimizers.Adam(0.01), "mse", jit_compile=False)
    losses = [float(model.train_on_batch(data.x, data.y)) for _ in range(400)]
    assert losses[0] > 0.2
    assert losses[-1] < 0.01

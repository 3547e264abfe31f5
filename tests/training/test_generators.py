from __future__ import annotations

import numpy as np
import pytest

from ffhw.errors import InputError
from ffhw.training.generators import continue_clip, open_generator, write_text
from ffhw.training.tasks.frames import TASK as FRAMES
from ffhw.training.tasks.frames import FramesPreset
from ffhw.training.tasks.text import TASK as TEXT
from ffhw.training.tasks.text import TextPreset
from ffhw.training.train import train


@pytest.mark.long
def test_a_text_goes_on(tmp_path):
    preset = TextPreset("generated", 5, 1, 8, 1e-2, characters=3000, window=20, embedding=3)
    train(TEXT, tmp_path / "m.keras", preset=preset)
    chosen = open_generator(tmp_path / "m.keras", ("text",), "sample")
    text = write_text(chosen, "ANNA:", 30, 1.0, seed=1)
    assert len(text) == 30
    assert set(text) <= set(chosen.record["alphabet"])
    assert write_text(chosen, "ANNA:", 30, 1.0, seed=1) == text != write_text(chosen, "ANNA:", 30, 1.0, seed=2)
    with pytest.raises(InputError, match=r"^--temperature must be above 0 and at most 10, not 0$"):
        write_text(chosen, "", 3, 0.0, seed=1)
    with pytest.raises(InputError, match=r"^ffhw predict takes models of frames, not of 'text'$"):
        open_generator(tmp_path / "m.keras", ("frames",), "predict")
    (tmp_path / "m.json").write_text("{")
    with pytest.raises(InputError, match=r"m\.json is not a training record of ffhw train$"):
        open_generator(tmp_path / "m.keras", ("text",), "sample")


def test_a_clip_goes_on(tmp_path):
    preset = FramesPreset("squares", 2, 1, 4, 1e-2, clips=10, frames=4, size=8, layers=1)
    train(FRAMES, tmp_path / "m.keras", preset=preset)
    chosen = open_generator(tmp_path / "m.keras", ("frames",), "predict")
    made, figure = continue_clip(chosen, given=3, wanted=2, seed=1)
    assert made.shape == (2, 8, 8)
    assert np.isfinite(made).all()
    assert len(figure.axes) == 10
    with pytest.raises(InputError, match=r"^--given must be at least 2 and --frames at least 1, not 1 and 2$"):
        continue_clip(chosen, given=1, wanted=2, seed=1)

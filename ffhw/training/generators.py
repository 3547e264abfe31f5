"""What trained networks make by themselves: text, handwriting, frames; from a model's file and its record."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ffhw.errors import InputError
from ffhw.files import read_regular

_MOST_RECORD_BYTES = 1 << 26


@dataclasses.dataclass(frozen=True)
class Generator:
    """A trained model that generates, its task's name and its training record."""

    model: Any
    task: str
    record: dict[str, Any]


def open_generator(path: Path, tasks: tuple[str, ...], command: str) -> Generator:
    """Read a model that `ffhw train` wrote, and its record beside it.

    Parameters
    ----------
    tasks: those that the command takes. command: its name, for messages.

    Raises
    ------
    InputError: no such model or record, or one of another task.
    """
    record_path = path.with_suffix(".json")
    try:
        record = json.loads(read_regular(record_path, _MOST_RECORD_BYTES))
        name = record["task"]
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{record_path} is not a training record of ffhw train") from None
    if name not in tasks:
        raise InputError(f"ffhw {command} takes models of {' and '.join(tasks)}, not of {name!r}")
    if not path.is_file():
        raise InputError(f"{path} does not exist")
    import keras

    # these register our layers and losses; nothing else of a file is executed
    from ffhw.training import mixture  # noqa: F401
    from ffhw.training.layers import chrono, conv_gru, conv_jk, jk, window  # noqa: F401

    try:
        model = keras.models.load_model(path, compile=False)
    except (ValueError, TypeError, OSError, KeyError) as error:
        raise InputError(f"{path} is not a model that Keras can read: {str(error).splitlines()[0][:200]}") from None
    return Generator(model, name, record)


def write_text(chosen: Generator, prompt: str, length: int, temperature: float, seed: int) -> str:
    """Characters behind a prompt, see :func:`ffhw.training.tasks.text.sample`.

    Raises
    ------
    InputError: an option out of range.
    """
    from ffhw.training.tasks.text import sample

    if length < 1:
        raise InputError(f"--length must be at least 1, not {length}")
    if not 0 < temperature <= 10:
        raise InputError(f"--temperature must be above 0 and at most 10, not {temperature:g}")
    window = chosen.record.get("window", 100)
    return sample(chosen.model, chosen.record["alphabet"], length, prompt, temperature, seed, window)


def write_hand(chosen: Generator, text: str, bias: float, seed: int, points: int) -> tuple[NDArray[np.float32], Any]:
    """Points ``[points, 3]`` of a handwritten text (dx, dy, pen up) and a figure of them.

    Raises
    ------
    InputError: an option out of range.
    """
    from ffhw.training.figures import new_figure
    from ffhw.training.tasks.handwriting import draw_line, sample

    if not text:
        raise InputError("--prompt is the text to be written: it must not be empty")
    if not 0 <= bias <= 20:
        raise InputError(f"--bias must be from 0 to 20, not {bias:g}")
    if points < 1:
        raise InputError(f"--length must be at least 1, not {points}")
    line = sample(chosen.model, text, bias, seed, points)
    figure, axes = new_figure(width=max(3.0, 0.6 * len(text)), height=2)
    draw_line(axes[0, 0], line, text)
    return line, figure


def continue_clip(chosen: Generator, given: int, wanted: int, seed: int) -> tuple[NDArray[np.float32], Any]:
    """Frames ``[frame, size, size]`` that follow on those of a new clip, each predicted from the ones before it.

    Parameters
    ----------
    given: frames of the clip that the network sees. wanted: frames that it then makes from its own.

    Raises
    ------
    InputError: an option out of range.
    """
    from ffhw.training.figures import image, new_figure
    from ffhw.training.tasks.frames import TASK, FramesPreset

    if given < 2 or wanted < 1:
        raise InputError(f"--given must be at least 2 and --frames at least 1, not {given} and {wanted}")
    names = [field.name for field in dataclasses.fields(FramesPreset)]
    sizes = FramesPreset(**{name: chosen.record[name] for name in names})
    data = TASK.examples(dataclasses.replace(sizes, clips=5, frames=given + wanted), seed)
    truth = np.concatenate([data.x_test[0], data.y_test[0, -1:]])[..., 0].astype(np.float32) / 255
    clip = np.zeros((1, given + wanted, *truth.shape[1:], 1), np.float32)
    clip[0, :given, ..., 0] = truth[:given]
    white = int(truth[given - 1].sum())
    frames = list(truth[:given])
    for place in range(given, given + wanted):
        # blank frames behind the last one change no answer before them, and keep one shape
        answer = np.asarray(chosen.model.predict_on_batch(clip))[0, place - 1, ..., 0]
        frames.append(answer)
        # it goes on from its likeliest pixels, as many as were white: from grey ones all would fade
        clip[0, place, ..., 0] = answer >= np.sort(answer.ravel())[-max(white, 1)]
    made = np.array(frames[given:], np.float32)
    figure, axes = new_figure(2, given + wanted, width=0.9 * (given + wanted), height=2.2)
    for column, frame in enumerate(frames):
        image(axes[0, column], truth[column], f"{column + 1}")
        image(axes[1, column], frame)
    axes[0, 0].set_ylabel("truth", fontsize=8)
    axes[1, 0].set_ylabel(f"{given} given", fontsize=8)
    return made, figure

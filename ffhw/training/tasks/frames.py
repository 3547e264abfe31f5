"""Video frame prediction: white squares that all move in one direction (paper, table 7)."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ffhw.training.networks.options import RecurrentOptions
from ffhw.training.tasks.base import Preset, Task, TaskData, Trained
from ffhw.training.tasks.pixels import as_loss, cross_entropy


@dataclasses.dataclass(frozen=True)
class FramesPreset(Preset):
    """Sizes of frame prediction. ``units`` are the maps of each recurrent layer.

    Parameters
    ----------
    clips: how many; a fifth of them are the test split. frames: of a clip; one less is predicted. size: of a frame.
    layers: how many recurrent ones. optimizer: its name in Keras. momentum: of the normalizations.
    """

    clips: int = 1000
    frames: int = 16
    size: int = 40
    layers: int = 4
    optimizer: str = "adadelta"
    momentum: float = 0.99


def generate(preset: FramesPreset, seed: int) -> NDArray[np.uint8]:
    """Clips ``[clip, frame, size, size]`` of 0 and 255: three to seven squares of 2 to 4 pixels a side.

    All squares of a clip move in the same of 360 directions, half a pixel to one and a half a frame; they come in again
    where they leave.
    """
    rng = np.random.default_rng(seed)
    clips = np.zeros((preset.clips, preset.frames, preset.size, preset.size), np.uint8)
    time = np.arange(preset.frames)
    for clip in clips:
        angle, speed = np.deg2rad(rng.integers(0, 360)), rng.uniform(0.5, 1.5)
        for _ in range(rng.integers(3, 8)):
            side = rng.integers(2, 5)
            begin = rng.uniform(0, preset.size, 2)
            row, column = (
                np.round(begin[axis] + speed * part * time).astype(int)
                for axis, part in enumerate((np.sin(angle), np.cos(angle)))
            )
            for frame in time:
                rows = (row[frame] + np.arange(side)) % preset.size
                columns = (column[frame] + np.arange(side)) % preset.size
                clip[frame][np.ix_(rows, columns)] = 255
    return clips


class FramesTask(Task):
    """See the module."""

    name = "frames"
    title = "video frame prediction: moving squares"
    sources: ClassVar = {"squares": "squares that move in one direction", "digits": "handwritten digits that move"}
    presets: ClassVar = {
        "quick": FramesPreset("squares", 12, 12, 8, 1e-2, True, 240, 10, 24, layers=1, optimizer="adam", momentum=0.8),
        "paper": FramesPreset("squares", 40, 100, 8, 1e-3),
    }
    at_once = 8
    becomes_integers = True
    judged_by = "cross_entropy"
    loss = "binary_crossentropy"

    def examples(self, preset: FramesPreset, seed: int) -> TaskData:
        """Frames ``[clip, time, size, size, 1]`` and, for each, the next one."""
        if preset.source == "digits":
            from ffhw.training.datasets.digits import moving_digits

            clips = moving_digits(preset.clips, preset.frames, preset.size, seed)
        else:
            clips = generate(preset, seed)
        x, y = clips[:, :-1, ..., None], clips[:, 1:, ..., None]
        cut = len(clips) * 4 // 5
        return TaskData(x[:cut], y[:cut], x[cut:], y[cut:], np.full(len(x) - cut, preset.frames - 1))

    def build(self, options: RecurrentOptions, preset: FramesPreset, data: TaskData, seed: int) -> Any:
        """ConvFFNN."""
        from ffhw.training.networks.paper import frames

        hold = float(preset.frames) if options.hold_bias else None
        return frames(options.cell, hold, preset.units, preset.layers, preset.size, preset.momentum)

    def optimizer(self, preset: FramesPreset, steps: int) -> Any:
        """The preset's."""
        import keras

        optimizers = {"adadelta": keras.optimizers.Adadelta, "adam": keras.optimizers.Adam}
        return optimizers[preset.optimizer](preset.rate(steps))

    def evaluate(self, trained: Trained) -> dict[str, float]:
        """Binary cross-entropy and mean square error of a pixel, over the test split's frames."""
        return _errors(trained.answers, trained.data.y_test)

    def baseline(self, data: TaskData) -> dict[str, Any]:
        """The last frame once more, as sure of itself as is best on the training split."""
        same = np.mean((data.x > 127) == (data.y > 127))
        answer = np.where(data.x_test > 127, same, 1 - same)
        return {"name": "last frame repeated", **_errors(answer, data.y_test)}

    def figures(self, trained: Trained) -> dict[str, Any]:
        """Frames of two test clips: what comes, what is predicted, and the frame before it; the loss."""
        from ffhw.training.figures import curves, image, new_figure

        data, answers = trained.data, trained.answers
        times = np.unique(np.linspace(1, answers.shape[1] - 1, 7).astype(int))
        figure, axes = new_figure(6, len(times), width=1.15 * len(times), height=7.4)
        for clip in range(2):
            rows = (("last frame", data.x_test / 255), ("predicted", answers), ("truth", data.y_test / 255))
            for row, (name, frames) in enumerate(rows):
                for column, time in enumerate(times):
                    image(
                        axes[3 * clip + row, column], frames[clip, time, ..., 0], f"frame {time + 2}" if not row else ""
                    )
                axes[3 * clip + row, 0].set_ylabel(name, fontsize=8)
        return {"frames": figure, "loss": curves(trained.history, as_loss(trained.baseline))}


def _errors(answer: NDArray[Any], truth: NDArray[np.uint8]) -> dict[str, float]:
    wanted = truth > 127
    return {"cross_entropy": cross_entropy(answer, wanted), "mse": float(np.mean((answer - wanted) ** 2))}


TASK = FramesTask()

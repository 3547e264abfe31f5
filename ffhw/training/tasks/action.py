"""Action recognition in video: eleven actions (paper, tables 9 and 10).

Generated clips show a textured patch that moves before a textured background, in one of eleven ways. A group is a patch
and a background; no group is in both splits, so that a network must see the motion.
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ffhw.training.networks.options import RecurrentOptions
from ffhw.training.tasks.base import Preset, Task, TaskData, Trained

# where the patch is, by the share of the time that has gone: row and column as shares of the frame, and its size
MOTIONS: dict[str, Any] = {
    "right": lambda t: (0.5, 0.1 + 0.8 * t, 1.0),
    "left": lambda t: (0.5, 0.9 - 0.8 * t, 1.0),
    "down": lambda t: (0.1 + 0.8 * t, 0.5, 1.0),
    "up": lambda t: (0.9 - 0.8 * t, 0.5, 1.0),
    "falling": lambda t: (0.15 + 0.7 * t, 0.15 + 0.7 * t, 1.0),
    "rising": lambda t: (0.85 - 0.7 * t, 0.15 + 0.7 * t, 1.0),
    "clockwise": lambda t: (0.5 + 0.3 * np.sin(2 * np.pi * t), 0.5 + 0.3 * np.cos(2 * np.pi * t), 1.0),
    "anticlockwise": lambda t: (0.5 - 0.3 * np.sin(2 * np.pi * t), 0.5 + 0.3 * np.cos(2 * np.pi * t), 1.0),
    "growing": lambda t: (0.5, 0.5, 0.5 + 1.5 * t),
    "shrinking": lambda t: (0.5, 0.5, 2.0 - 1.5 * t),
    "shaking": lambda t: (0.5, 0.5 + 0.25 * np.sin(6 * np.pi * t), 1.0),
}
_ROUND = ("clockwise", "anticlockwise", "shaking")
_GROUPS = 25


@dataclasses.dataclass(frozen=True)
class ActionPreset(Preset):
    """Sizes of action recognition. ``units`` are the maps of the recurrent layer.

    Parameters
    ----------
    clips: of each action and group. frames: of a clip. size: of a frame. dense: units of the layer behind the maps.
    pool: largest of so many rows and columns go on, 1 for all as in the paper. clutter: contrast of the background,
        whose texture drifts by itself.
    """

    clips: int = 6
    frames: int = 30
    size: int = 64
    dense: int = 256
    pool: int = 1
    clutter: float = 0.5


def texture(size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Coloured noise ``[size, size, 3]`` from 0 to 1, smooth over a few pixels."""
    noise = rng.random((size, size, 3))
    for axis in (0, 1):
        noise = (noise + np.roll(noise, 1, axis) + np.roll(noise, -1, axis)) / 3
    return (noise - noise.min()) / (noise.max() - noise.min())


def clip_of(motion: str, preset: ActionPreset, group: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A clip ``[frame, size, size, 3]``; the group says what patch and background look like."""
    look = np.random.default_rng([group, 77])
    side = preset.size // 4
    patch, background = texture(2 * side, look), preset.clutter * texture(preset.size, look)
    shift, drift = rng.integers(0, preset.size, 2), rng.uniform(-0.5, 0.5, 2)
    # where a clip's patch is says little, how it moves says all
    place, reach, begin = rng.uniform(-0.12, 0.12, 2), rng.uniform(0.5, 0.7), rng.uniform(0, 1)
    frames = np.zeros((preset.frames, preset.size, preset.size, 3))
    for frame, time in zip(frames, np.linspace(0, 1, preset.frames), strict=True):
        moved = np.round(shift + drift * time * preset.size).astype(int)
        frame[:] = np.roll(background, moved, (0, 1))
        # what goes round may begin anywhere
        row, column, scale = MOTIONS[motion](begin + time if motion in _ROUND else time)
        large = max(2, round(side * scale))
        pick = np.linspace(0, len(patch) - 1, large).astype(int)
        middle = (0.5 + reach * (np.array([row, column]) - 0.5) + place) * preset.size - large / 2
        first = np.clip(middle.round().astype(int), 0, preset.size - large)
        frame[first[0] : first[0] + large, first[1] : first[1] + large] = 0.5 + 0.5 * patch[np.ix_(pick, pick)]
    return (np.clip(frames + rng.normal(0, 0.02, frames.shape), 0, 1) * 255).astype(np.uint8)


class ActionTask(Task):
    """See the module."""

    name = "action"
    title = "action recognition in video"
    sources: ClassVar = {"generated": "eleven motions of textured patches", "ucf11": "UCF11, from its original folders"}
    presets: ClassVar = {
        "quick": ActionPreset("generated", 8, 14, 16, 2e-3, True, clips=3, frames=10, size=24, dense=64, pool=4),
        "paper": ActionPreset("generated", 64, 10, 16, 1e-3),
    }
    at_once = 16
    becomes_integers = True
    loss = "sparse_categorical_crossentropy"
    metrics: ClassVar = ("accuracy",)

    def examples(self, preset: ActionPreset, seed: int) -> TaskData:
        """Clips ``[clip, frame, size, size, 3]`` and actions; every fifth group is in the test split."""
        if preset.source == "ucf11":
            from ffhw.training.datasets.ucf11 import list_clips, read_clips

            clips, _ = list_clips()
            x = read_clips(clips, preset.frames, preset.size)
            y, groups = (np.array([getattr(clip, name) for clip in clips]) for name in ("action", "group"))
        else:
            rng = np.random.default_rng(seed)
            made = [
                (clip_of(motion, preset, group, rng), action, group)
                for group in range(1, _GROUPS + 1)
                for action, motion in enumerate(MOTIONS)
                for _ in range(preset.clips)
            ]
            x, y, groups = (np.array([part[place] for part in made]) for place in range(3))
        test = groups % 5 == 0
        return TaskData(x[~test], y[~test], x[test], y[test], np.full(int(test.sum()), preset.frames))

    def build(self, options: RecurrentOptions, preset: ActionPreset, data: TaskData, seed: int) -> Any:
        """ConvFFNN."""
        from ffhw.training.networks.paper import action

        hold = float(preset.frames) if options.hold_bias else None
        classes = int(data.y.max()) + 1
        return action(options.cell, hold, classes, preset.units, preset.dense, preset.size, 3, preset.pool)

    def evaluate(self, trained: Trained) -> dict[str, float]:
        """Accuracy on the groups that training did not see."""
        return {"accuracy": float(np.mean(trained.answers.argmax(axis=-1) == trained.data.y_test))}

    def baseline(self, data: TaskData) -> dict[str, Any]:
        """The most frequent action; and the clip of the training split that is nearest, pixel by pixel."""
        train, test = (x.reshape(len(x), -1)[:, ::7].astype(np.float32) for x in (data.x, data.x_test))
        far = (train**2).sum(axis=1) - 2 * test @ train.T
        return {
            "name": "most frequent action",
            "accuracy": float(np.mean(data.y_test == np.bincount(data.y).argmax())),
            "accuracy_of_nearest_clip": float(np.mean(data.y[far.argmin(axis=1)] == data.y_test)),
        }

    def figures(self, trained: Trained) -> dict[str, Any]:
        """Frames of a test clip of some actions with the answer; which actions are taken for which; the loss."""
        from ffhw.training.figures import curves, image, new_figure

        data, answers = trained.data, trained.answers.argmax(axis=-1)
        names = list(MOTIONS) if trained.preset.source == "generated" else [str(n) for n in range(data.y.max() + 1)]
        shown = [int(np.flatnonzero(data.y_test == action)[0]) for action in np.unique(data.y_test)[::3]]
        times = np.linspace(0, data.x_test.shape[1] - 1, 6).astype(int)
        figure, axes = new_figure(len(shown), len(times), width=1.2 * len(times), height=1.35 * len(shown))
        for row, clip in enumerate(shown):
            for column, time in enumerate(times):
                image(axes[row, column], data.x_test[clip, time] / 255)
            axes[row, 0].set_title(f"{names[data.y_test[clip]]}: {names[answers[clip]]}", fontsize=8, loc="left")
        table = np.zeros((len(names), len(names)))
        np.add.at(table, (data.y_test, answers), 1)
        confusion, (axis,) = new_figure(width=4.6, height=4.4)
        axis[0].imshow(table / np.maximum(table.sum(axis=1, keepdims=True), 1), cmap="Blues", vmin=0, vmax=1)
        axis[0].set_xticks(range(len(names)), names, rotation=90, fontsize=7)
        axis[0].set_yticks(range(len(names)), names, fontsize=7)
        axis[0].set_xlabel("answer")
        axis[0].set_ylabel("action")
        return {"clips": figure, "confusion": confusion, "loss": curves(trained.history, trained.baseline)}


TASK = ActionTask()

"""Handwriting generation: a text becomes pen strokes (paper, table 5)."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ffhw.training.networks.options import RecurrentOptions
from ffhw.training.tasks.base import Preset, Task, TaskData, Trained

# number 0: any other character
ALPHABET = "\ufffd abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_WORDS = """
a an and at all are art bell bird blue boat book calm clear cold corn dark day dew door dust earth east fall far
field fire flame fog fool free gate glad gold grass green hall hand heart hill home horse ice in iron is island it
joy king lake land leaf light lion long low man moon more moss night no north oak old on open owl pale path rain red
river road rose salt sand sea seed sky slow snow so soft song star stone storm sun the thin tide to tree wall warm
water wave we west wide wild wind wood word year you
"""


@dataclasses.dataclass(frozen=True)
class HandwritingPreset(Preset):
    """Sizes of handwriting.

    Parameters
    ----------
    lines: how many; a tenth are the test split. points: of a line, at most. characters: of a line's text, at most.
    gaussians: of the window. longest_hold: of a fresh unit, in points. fonts: how many of Hershey's.
    """

    lines: int = 6000
    points: int = 200
    characters: int = 24
    gaussians: int = 5
    longest_hold: float = 30.0
    fonts: int = 5


Line = tuple[str, list[NDArray[np.float64]]]


def written(lines: int, characters: int, fonts: int, seed: int) -> list[Line]:
    """Words in Hershey's script fonts, each line by another writer: font, slant, size, spacing and tremor."""
    from ffhw.training.datasets import hershey

    rng, letters, words = np.random.default_rng(seed), hershey.fonts()[:fonts], _WORDS.split()
    made = []
    for _ in range(lines):
        text = str(rng.choice(words))
        while len(longer := f"{text} {rng.choice(words)}") <= characters:
            text = longer
        text = text[:characters].strip()
        font, slant, size = letters[rng.integers(len(letters))], rng.normal(0.1, 0.15), rng.uniform(0.8, 1.2, 2)
        strokes, at = [], 0.0
        for character in text:
            glyph = font[character]
            for stroke in glyph.strokes:
                tremor = rng.normal(0, 0.25, stroke.shape)
                x = (stroke[:, 0] + at - slant * stroke[:, 1]) * size[0]
                strokes.append(np.stack([x, stroke[:, 1] * size[1]], axis=1) + tremor)
            at += glyph.width * rng.uniform(0.92, 1.05)
        made.append((text, strokes))
    return made


def resampled(stroke: NDArray[np.float64], step: float) -> NDArray[np.float64]:
    """Points along a stroke ``[points, 2]`` at equal distances of about ``step``, its ends included."""
    ways = np.hypot(*np.diff(stroke, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(ways)])
    wanted = np.linspace(0, along[-1], max(2, round(along[-1] / step) + 1))
    return np.stack([np.interp(wanted, along, stroke[:, axis]) for axis in (0, 1)], axis=1)


def offsets(strokes: list[NDArray[np.float64]], step: float) -> NDArray[np.float32]:
    """Points ``[points, 3]``: dx, dy from the point before, and 1 where the pen is lifted behind a point."""
    parts = []
    for stroke in strokes:
        points = resampled(stroke, step) if len(stroke) > 1 else stroke
        parts.append(np.concatenate([points, np.zeros((len(points), 1))], axis=1))
        parts[-1][-1, 2] = 1
    line = np.concatenate(parts)
    line[1:, :2] = np.diff(line[:, :2], axis=0)
    line[0, :2] = 0
    return line.astype(np.float32)


def one_hot(text: str, length: int) -> NDArray[np.float32]:
    """Characters ``[length, 54]``; rows past the text's end are 0."""
    codes = [max(ALPHABET.find(character), 0) for character in text[:length]]
    rows = np.zeros((length, len(ALPHABET)), np.float32)
    rows[np.arange(len(codes)), codes] = 1
    return rows


class HandwritingTask(Task):
    """See the module."""

    name = "handwriting"
    title = "handwriting generation"
    sources: ClassVar = {"hershey": "words in Hershey's script fonts", "iam": "IAM-OnDB, from its original files"}
    presets: ClassVar = {
        "quick": HandwritingPreset("hershey", 64, 20, 32, 1e-2, True, lines=1500, points=60, characters=4, fonts=1),
        "paper": HandwritingPreset("hershey", 400, 30, 64, 1e-3),
    }
    judged_by = "nats_per_point"

    def examples(self, preset: HandwritingPreset, seed: int) -> TaskData:
        """Inputs ``strokes [line, point, 3]``, ``characters [line, character, 54]``; targets ``[line, point, 4]``."""
        if preset.source == "iam":
            from ffhw.training.datasets.iam import lines

            found = lines()
        else:
            found = written(preset.lines, preset.characters, preset.fonts, seed)
        # a typical height of letters in a few points, whatever the units of the source
        step = float(np.median([np.ptp(np.concatenate(strokes)[:, 1]) for _, strokes in found])) / 7
        points = [offsets(strokes, step)[: preset.points + 1] for _, strokes in found]
        scale = np.concatenate(points)[:, :2].std()
        x = np.zeros((len(points), preset.points, 3), np.float32)
        y = np.zeros((len(points), preset.points, 4), np.float32)
        lengths = np.array([len(line) - 1 for line in points])
        for row, line in enumerate(points):
            line[:, :2] /= scale
            x[row, : lengths[row]] = line[:-1]
            y[row, : lengths[row], :3], y[row, : lengths[row], 3] = line[1:], 1
        texts = np.stack([one_hot(text, preset.characters) for text, _ in found])
        inputs = {"strokes": x, "characters": texts}
        # lines of a source that has an order are mixed
        order = np.random.default_rng(seed).permutation(len(x))
        train, test = np.split(order, [len(x) * 9 // 10])
        x_train, x_test = ({name: part[rows] for name, part in inputs.items()} for rows in (train, test))
        return TaskData(x_train, y[train], x_test, y[test], lengths[test])

    def build(self, options: RecurrentOptions, preset: HandwritingPreset, data: TaskData, seed: int) -> Any:
        """FFNN of two layers, the first with a window."""
        from ffhw.training.networks.window import handwriting

        hold = preset.longest_hold if options.hold_bias else None
        return handwriting(options.cell, hold, len(ALPHABET), preset.units, preset.gaussians)

    @property
    def loss(self) -> Any:  # type: ignore[override]
        """Nats of the mixture density."""
        from ffhw.training.mixture import point_loss

        return point_loss

    def evaluate(self, trained: Trained) -> dict[str, float]:
        """Nats a point of the test split."""
        y = trained.data.y_test
        loss = np.asarray(self.loss(y, trained.answers))
        return {"nats_per_point": float(loss.sum() / y[..., 3].sum())}

    def baseline(self, data: TaskData) -> dict[str, Any]:
        """One Gaussian of all steps and the share of lifted pens, fitted to the training split."""
        train, test = (y[y[..., 3] > 0].astype(np.float64) for y in (data.y, data.y_test))
        mean, spread = train[:, :2].mean(axis=0), np.cov(train[:, :2].T)
        far = test[:, :2] - mean
        density = -0.5 * np.einsum("ni,ij,nj->n", far, np.linalg.inv(spread), far) - np.log(
            2 * np.pi * np.sqrt(np.linalg.det(spread))
        )
        up = train[:, 2].mean()
        pen = np.where(test[:, 2] > 0, np.log(up), np.log(1 - up))
        return {"name": "one Gaussian", "nats_per_point": float(-(density + pen).mean())}

    def figures(self, trained: Trained) -> dict[str, Any]:
        """Lines of the test split, and what the network writes for their texts at three biases; the loss."""
        from ffhw.training.figures import curves, new_figure

        data, biases = trained.data, (0.0, 1.0, 3.0)
        count = min(4, len(data.y_test))
        figure, axes = new_figure(count, 1 + len(biases), width=10, height=1.25 * count)
        for row in range(count):
            characters = data.x_test["characters"][row]
            text = "".join(ALPHABET[code] for code in characters.argmax(axis=1)[characters.any(axis=1)])
            draw_line(axes[row, 0], data.y_test[row, : data.lengths_test[row], :3], f"data: {text}")
            for column, bias in enumerate(biases, start=1):
                points = sample(trained.model, text, bias, trained.seed + row, trained.preset.points)
                draw_line(axes[row, column], points, f"bias {bias:g}")
        return {"writing": figure, "loss": curves(trained.history)}


def sample(model: Any, text: str, bias: float = 1.0, seed: int = 1, points: int = 400) -> NDArray[np.float32]:
    """Points ``[points, 3]`` that the network writes: dx, dy, pen up. It ends when the window has passed the text.

    Parameters
    ----------
    bias: 0 as drawn from the density, above it likelier points. points: at most so many.
    """
    from keras import ops

    from ffhw.training.mixture import draw

    rng = np.random.default_rng(seed)
    reader, writer = model.get_layer("reader").loop.cell, model.get_layer("writer").cell
    readout = model.get_layer("readout")
    first = [ops.zeros((1, size)) for size in reader.state_size]
    second = [ops.zeros((1, size)) for size in np.atleast_1d(writer.state_size)]
    reader.characters = ops.convert_to_tensor(one_hot(text, len(text))[None])
    made: list[tuple[float, float, float]] = [(0.0, 0.0, 0.0)]
    try:
        while len(made) <= points:
            point = ops.convert_to_tensor(np.array(made[-1:], np.float32))
            read, first = reader(point, first)
            answer, second = writer(ops.concatenate([point, read], axis=-1), second)
            made.append(draw(np.asarray(readout(answer))[0], bias, rng))
            # a window that has passed the text reads nothing any more
            if len(made) > 4 * len(text) and float(ops.sum(first[-1])) < 0.3:
                break
    finally:
        reader.characters = None
    return np.array(made[1:], np.float32)


def draw_line(axis: Any, points: NDArray[Any], title: str = "") -> None:
    """A line of handwriting; y grows downwards, as on a board."""
    from ffhw.training.figures import TRUTH

    places = np.cumsum(points[:, :2], axis=0)
    for stroke in np.split(places, np.flatnonzero(points[:, 2] > 0) + 1):
        axis.plot(stroke[:, 0], -stroke[:, 1], color=TRUTH, linewidth=1)
    axis.set_aspect("equal", adjustable="datalim")
    axis.set_axis_off()
    axis.set_title(title, fontsize=8)


TASK = HandwritingTask()

"""Signal generation: a network that is told a class at every step, and draws that class' signal (paper, table 3).

Two classes. Every signal of a class is the same one plus Gaussian noise; the input of each step is the class, one-hot
in three channels (the first is no class), so that all that changes along time is in the network.
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ffhw.training.networks.options import RecurrentOptions
from ffhw.training.tasks.base import Preset, Task, TaskData, Trained

CLASSES = 2
# Of the quick preset: points tell nothing of each other, so that there is more to learn.
POINTS_EPOCHS = 3000


@dataclasses.dataclass(frozen=True)
class SignalPreset(Preset):
    """Sizes of signal generation.

    Parameters
    ----------
    signals: of each class. steps: of a signal.
    noise: standard deviation of the Gaussian noise between signals of a class; amplitudes are up to 1. The paper's
        G(0, 1) contradicts its errors of 1e-5, so that the level is free.
    """

    signals: int = 64
    steps: int = 100
    noise: float = 1e-3


def generate(source: str, preset: SignalPreset, seed: int) -> NDArray[np.float64]:
    """The signal of each class without noise ``[class, step]``, from -1 to 1.

    ``waves``: sinusoids of random amplitude, frequency (1 to 4 periods) and phase; ``points``: independent numbers of
    U(-1, 1), which can only be memorised.
    """
    rng = np.random.default_rng(seed)
    if source == "points":
        return rng.uniform(-1, 1, (CLASSES, preset.steps))
    amplitude, periods, phase = (rng.uniform(low, high, CLASSES) for low, high in ((0.4, 1), (1, 4), (0, 2 * np.pi)))
    time = np.arange(preset.steps) / preset.steps
    return amplitude[:, None] * np.sin(2 * np.pi * periods[:, None] * time + phase[:, None])


class SignalTask(Task):
    """See the module."""

    name = "signal"
    title = "signal generation: two classes of signals, drawn from memory"
    sources: ClassVar = {"waves": "sinusoids", "points": "random points, to be memorised"}
    presets: ClassVar = {
        "quick": SignalPreset("waves", 50, 800, 16, 1e-2, cosine=True, signals=8),
        "paper": SignalPreset("waves", 50, 2000, 32, 1e-3),
    }
    becomes_hardware = True
    judged_by = "mse"

    def preset(self, options: RecurrentOptions, name: str | None = None, source: str | None = None) -> Preset:
        """See :class:`Task`."""
        found = super().preset(options, name, source)
        more = found.source == "points" and name in (None, "quick")
        return dataclasses.replace(found, epochs=POINTS_EPOCHS) if more else found

    def examples(self, preset: SignalPreset, seed: int) -> TaskData:
        """Classes ``[signal, step, 3]`` and signals ``[signal, step, 1]``; the test split has noise of its own."""
        clean = generate(preset.source, preset, seed)
        labels = np.repeat(np.arange(CLASSES), preset.signals)
        x = np.zeros((len(labels), preset.steps, CLASSES + 1), np.float32)
        x[np.arange(len(labels)), :, labels + 1] = 1
        train, test = (
            (clean[labels] + preset.noise * np.random.default_rng([seed, split]).normal(size=x.shape[:2]))[..., None]
            for split in (1, 2)
        )
        lengths = np.full(len(x), preset.steps)
        return TaskData(x, train.astype(np.float32), x, test.astype(np.float32), lengths)

    def build(self, options: RecurrentOptions, preset: SignalPreset, data: TaskData, seed: int) -> Any:
        """FFNN of two layers."""
        from ffhw.training.networks.paper import signal

        hold = preset.steps if self.settled(options, preset).hold_bias else None
        return signal(options.cell, hold, preset.units)

    def settled(self, options: RecurrentOptions, preset: SignalPreset) -> RecurrentOptions:  # noqa: D102
        # points change from step to step: there is nothing to hold
        hold = options.hold_bias and preset.source != "points"
        return dataclasses.replace(super().settled(options, preset), hold_bias=hold)

    def evaluate(self, trained: Trained) -> dict[str, float]:
        """Mean square error on the test split; its least possible value is the noise's variance."""
        return {"mse": float(np.mean((trained.answers - trained.data.y_test) ** 2))}

    def baseline(self, data: TaskData) -> dict[str, Any]:
        """A class' mean value at every step."""
        labels = data.x[:, 0].argmax(axis=-1)
        mean = {label: data.y[labels == label].mean() for label in np.unique(labels)}
        answer = np.array([mean[label] for label in labels])[:, None, None]
        return {"name": "mean of each class", "mse": float(np.mean((answer - data.y_test) ** 2))}

    def figures(self, trained: Trained) -> dict[str, Any]:
        """Signals of the test split and what is drawn; the loss."""
        from ffhw.training.figures import ANSWER, TRUTH, curves, new_figure

        answers, data = trained.answers, trained.data
        figure, axes = new_figure(CLASSES, 1, width=7, height=4.4)
        for number, axis in enumerate(axes[:, 0]):
            row = int(np.argmax(data.x_test[:, 0, number + 1]))
            axis.plot(data.y_test[row, :, 0], color=TRUTH, linewidth=3, alpha=0.5, label="signal")
            axis.plot(answers[row, :, 0], color=ANSWER, linewidth=1, label="drawn")
            axis.set_title(f"class {number + 1}", fontsize=9)
        axes[0, 0].legend(frameon=False, fontsize=8)
        axes[-1, 0].set_xlabel("step")
        return {"signals": figure, "loss": curves(trained.history)}


TASK = SignalTask()

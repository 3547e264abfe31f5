"""Tasks of one recurrent layer and a dense readout: the examples that go to hardware and the laboratory's."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ffhw.errors import InputError
from ffhw.training.networks.options import RecurrentOptions
from ffhw.training.tasks.base import Preset, Task, TaskData, Trained

if TYPE_CHECKING:
    from ffhw.layers.base import Head
    from ffhw.training.tasks.decisions import Trial
    from ffhw.training.tasks.flipflop import FlipFlopTask

Loader = Callable[[int], TaskData]


@dataclasses.dataclass(frozen=True)
class SequenceTask(Task):
    """A named example.

    Parameters
    ----------
    load: data for a seed, read or generated.
    outputs: width of the last layer; softmax: whether it classifies sequences (else it answers every step).
    units, epochs, batch_size, learning_rate: what a plain `ffhw train` uses; the rate falls to zero along a cosine.
    weight_limit: largest JK weight, None for any; see :class:`ffhw.training.layers.constraints.WeightLimit`.
    longest_hold: longest time for which a fresh gated unit holds its state, in steps.
    centered: whether flip-flops have centered states, see :class:`ffhw.training.layers.neurons.FlipFlopCell`.
    generator: what generates the data, None where they are real.
    """

    name: str
    title: str
    load: Loader
    outputs: int
    softmax: bool
    units: int
    epochs: int
    batch_size: int
    learning_rate: float
    longest_hold: float
    input_noise: float = 0.0
    weight_limit: float | None = None
    centered: bool = False
    generator: FlipFlopTask | Trial | None = None

    # Keras shuffles these few minutes' data itself, and cannot be taken up midway
    resumable = False
    keep_initial = True
    becomes_hardware = True
    at_once = 256

    @property
    def judged_by(self) -> str:  # type: ignore[override]
        """Of classes the accuracy, of values that of their signs."""
        return "accuracy" if self.softmax else "sign_accuracy"

    @property
    def loss(self) -> str:  # type: ignore[override]
        """As Keras names it."""
        return "sparse_categorical_crossentropy" if self.softmax else "mse"

    @property
    def metrics(self) -> tuple[str, ...]:  # type: ignore[override]
        """Of classes the accuracy."""
        return ("accuracy",) if self.softmax else ()

    @property
    def dt_ms(self) -> float:
        """Length of a step in milliseconds; 1 where the task does not say."""
        return 1.0 if self.generator is None else self.generator.dt_ms

    def preset(self, options: RecurrentOptions, name: str | None = None, source: str | None = None) -> Preset:  # noqa: D102
        for option, value in (("--preset", name), ("--data", source)):
            if value is not None:
                raise InputError(f"{self.name} has one size and one source of data: leave out {option}")
        rate = options.learning_rate(self)
        return Preset("", options.units or self.units, options.epochs(self), self.batch_size, rate, cosine=True)

    def settled(self, options: RecurrentOptions, preset: Any) -> RecurrentOptions:  # noqa: D102
        return dataclasses.replace(options, centered=options.has_centered(self))

    def examples(self, preset: Preset, seed: int) -> TaskData:  # noqa: D102
        return self.load(seed)

    def on_integers(self, data: TaskData) -> tuple[TaskData, Any]:  # noqa: D102
        if data.asked is None:
            return data, None
        from ffhw.training.qat.asked import asked_error

        return dataclasses.replace(data, y=np.where(data.asked, data.y, np.float32(np.nan))), asked_error

    def build(self, options: RecurrentOptions, preset: Preset, data: TaskData, seed: int) -> Any:  # noqa: D102
        from ffhw.training.networks.one_layer import build_model

        return build_model(self, options, data.x.shape[-1], seed)

    def evaluate(self, trained: Trained) -> dict[str, float]:
        """Accuracy of a classifier, or mean square error and sign accuracy."""
        from ffhw.layers.rhythm import Rhythm
        from ffhw.model.data import Data, Signature
        from ffhw.model.scores import read_targets, score

        data = trained.data
        answers = trained.answers.astype(np.float64)
        head: Head = "softmax" if self.softmax else "values"
        signature = Signature(data.x_test.shape[-1], answers.shape[-1], head, Rhythm(once=self.softmax))
        test = Data(data.x_test.astype(np.float64), data.lengths_test, data.y_test)
        return score(answers, read_targets(test, signature, "the test split"), test, signature)

    def feed(self, data: TaskData, preset: Preset, seed: int) -> dict[str, Any]:  # noqa: D102
        return {"x": data.x, "y": data.y, "batch_size": preset.batch_size}

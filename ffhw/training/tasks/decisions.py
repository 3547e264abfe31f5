"""Decision and working-memory tasks of systems neuroscience, as data generators.

Each task is a frozen set of explicit parameters; ``generate(samples, seed)`` gives inputs and targets
``[sample, time, channel]``, equal for equal seeds. All are trials of the same shape: the network keeps its output at 0
(fixation) while evidence comes, and answers +1 or -1 in the response period at the end.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from ffhw.training.tasks.base import TaskData
from ffhw.training.tasks.sequence import Loader, SequenceTask

Arrays = tuple[NDArray[np.float32], NDArray[np.float32]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trial:
    """What the tasks share.

    Parameters
    ----------
    dt_ms: length of a step in milliseconds.
    fixation_ms, response_ms: silence before the first stimulus, and time to answer after the last one.
    noise: standard deviation of the Gaussian noise added to every evidence channel at every step.
    """

    dt_ms: float = 20.0
    fixation_ms: float = 100.0
    response_ms: float = 300.0
    noise: float = 0.1

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, (int, float)) and (value < 0 or (field.name == "dt_ms" and value == 0)):
                raise ValueError(f"{field.name} must not be negative, and dt_ms not 0, not {value!r}")

    @property
    def inputs(self) -> int:
        """Input channels."""
        return 1

    def rest(self) -> NDArray[np.float64]:
        """Inputs ``[contexts, inputs]`` under which nothing is shown, one row a context."""
        return np.zeros((1, self.inputs))

    def generate(self, samples: int, seed: int) -> Arrays:
        """Inputs ``[samples, time, inputs]`` and targets ``[samples, time, 1]``."""
        raise NotImplementedError

    def _steps(self, ms: float) -> int:
        return round(ms / self.dt_ms)

    def _periods(self, *durations_ms: float) -> list[slice]:
        """Consecutive periods behind the fixation, as slices of time; the response period is added at the end."""
        begin, periods = self._steps(self.fixation_ms), []
        for duration in (*durations_ms, self.response_ms):
            periods.append(slice(begin, begin + self._steps(duration)))
            begin = periods[-1].stop
        return periods

    def _answer(self, x: NDArray[np.float64], response: slice, choice: NDArray[np.int64]) -> Arrays:
        """Inputs and their targets: 0, then the choice throughout the response period."""
        y = np.zeros((len(x), x.shape[1], 1), np.float32)
        y[:, response, 0] = choice[:, None]
        return x.astype(np.float32), y


@dataclasses.dataclass(frozen=True, kw_only=True)
class MotionTrial(Trial):
    """A trial with noisy evidence of signed strength.

    Parameters
    ----------
    stimulus_ms, delay_ms: durations of the evidence and of the pause before the response.
    coherences: strengths of the evidence, drawn with equal probability, the sign as well.
    noise: here of the evidence itself; the default makes the weakest one hard.
    """

    stimulus_ms: float = 800.0
    delay_ms: float = 0.0
    coherences: tuple[float, ...] = (0.064, 0.128, 0.256, 0.512)
    noise: float = 0.3


@dataclasses.dataclass(frozen=True, kw_only=True)
class PerceptualDecision(MotionTrial):
    """Is the noisy motion to the right or to the left? (Britten, Shadlen, Newsome & Movshon, J. Neurosci. 12, 1992.)

    One input channel holds the signed coherence during the stimulus, buried in noise; the output is its sign.
    """

    def generate(self, samples: int, seed: int) -> Arrays:
        """Inputs ``[samples, time, 1]`` and targets ``[samples, time, 1]``."""
        rng = np.random.default_rng(seed)
        stimulus, _, response = self._periods(self.stimulus_ms, self.delay_ms)
        choice = rng.choice([-1, 1], samples)
        x = rng.normal(0, self.noise, (samples, response.stop, 1))
        x[:, stimulus, 0] += (choice * rng.choice(self.coherences, samples))[:, None]
        return self._answer(x, response, choice)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ContextDecision(MotionTrial):
    """Decide on motion or on colour, as the context says (Mante, Sussillo, Shenoy & Newsome, Nature 503, 2013).

    Four input channels: motion and colour evidence, each signed and noisy, and the context, one of two lines held at 1
    for the whole trial. The output is the sign of the relevant evidence; the other one must be ignored.
    """

    @property
    def inputs(self) -> int:
        """Input channels: two of evidence, two of context."""
        return 4

    def rest(self) -> NDArray[np.float64]:
        """Inputs ``[2, 4]``: no evidence, one context or the other."""
        return np.eye(4)[2:]

    def generate(self, samples: int, seed: int) -> Arrays:
        """Inputs ``[samples, time, 4]`` and targets ``[samples, time, 1]``."""
        rng = np.random.default_rng(seed)
        stimulus, _, response = self._periods(self.stimulus_ms, self.delay_ms)
        signs = rng.choice([-1, 1], (samples, 2))
        x = np.zeros((samples, response.stop, 4))
        x[..., :2] = rng.normal(0, self.noise, (samples, response.stop, 2))
        x[:, stimulus, :2] += (signs * rng.choice(self.coherences, (samples, 2)))[:, None, :]
        context = rng.integers(0, 2, samples)
        x[np.arange(samples), :, 2 + context] = 1.0
        return self._answer(x, response, signs[np.arange(samples), context])


@dataclasses.dataclass(frozen=True, kw_only=True)
class DelayedMatch(Trial):
    """Is the second item the same as the first? (Delayed match to sample; Freedman & Assad, Nature 443, 2006.)

    Two input channels, one an item. A sample is shown, then a delay without input, then a test; the output is +1 for a
    match and -1 for none.
    """

    item_ms: float = 200.0
    delay_ms: float = 600.0

    @property
    def inputs(self) -> int:
        """Input channels: one an item."""
        return 2

    def generate(self, samples: int, seed: int) -> Arrays:
        """Inputs ``[samples, time, 2]`` and targets ``[samples, time, 1]``."""
        rng = np.random.default_rng(seed)
        sample, _, test, response = self._periods(self.item_ms, self.delay_ms, self.item_ms)
        items = rng.integers(0, 2, (samples, 2))
        x = rng.normal(0, self.noise, (samples, response.stop, 2))
        rows = np.arange(samples)
        for period, item in ((sample, items[:, 0]), (test, items[:, 1])):
            x[rows[:, None], np.arange(period.start, period.stop), item[:, None]] += 1.0
        return self._answer(x, response, np.where(items[:, 0] == items[:, 1], 1, -1))


@dataclasses.dataclass(frozen=True, kw_only=True)
class ParametricMemory(Trial):
    """Was the first stimulus the stronger one? (Parametric working memory; Romo, Brody, Hernandez & Lemus, Nature 399,
    1999; response dynamics after Roitman & Shadlen, J. Neurosci. 22, 2002.)

    One input channel shows two stimuli, a delay apart, whose strengths stand for vibration frequencies; the output is
    the sign of their difference.

    Parameters
    ----------
    frequencies_hz: from which both are drawn, never equal; scaled to strengths from 0.1 to 1.
    """

    stimulus_ms: float = 200.0
    delay_ms: float = 600.0
    frequencies_hz: tuple[float, ...] = (10.0, 14.0, 18.0, 22.0, 26.0, 30.0, 34.0)
    noise: float = 0.05

    def generate(self, samples: int, seed: int) -> Arrays:
        """Inputs ``[samples, time, 1]`` and targets ``[samples, time, 1]``."""
        rng = np.random.default_rng(seed)
        first, _, second, response = self._periods(self.stimulus_ms, self.delay_ms, self.stimulus_ms)
        count = len(self.frequencies_hz)
        one = rng.integers(0, count, samples)
        other = (one + rng.integers(1, count, samples)) % count  # never the same
        low, high = min(self.frequencies_hz), max(self.frequencies_hz)
        strength = 0.1 + 0.9 * (np.asarray(self.frequencies_hz) - low) / (high - low)
        x = rng.normal(0, self.noise, (samples, response.stop, 1))
        x[:, first, 0] += strength[one][:, None]
        x[:, second, 0] += strength[other][:, None]
        frequency = np.asarray(self.frequencies_hz)
        return self._answer(x, response, np.where(frequency[one] > frequency[other], 1, -1))


def _loader(trial: Trial) -> Loader:
    """Loader of a trial's examples."""

    def load(seed: int) -> TaskData:
        x, y = trial.generate(6_000, seed)
        x_test, y_test = trial.generate(1_000, seed + 1_000_003)
        return TaskData(x, y, x_test, y_test, np.full(len(x_test), x_test.shape[1]))

    return load


TASKS = tuple(
    SequenceTask(
        name=name,
        title=title,
        load=_loader(trial),
        outputs=1,
        softmax=False,
        units=32,
        epochs=25,
        batch_size=64,
        learning_rate=rate,
        longest_hold=hold,
        weight_limit=2.0 - 2.0**-6,
        generator=trial,
    )
    # the last two must remember through a delay: their units start with longer holds
    for name, title, trial, rate, hold in (
        ("perceptual-decision", "perceptual decision (Britten et al. 1992)", PerceptualDecision(), 1e-2, 30.0),
        ("context-decision", "context-dependent decision (Mante et al. 2013)", ContextDecision(), 1e-2, 30.0),
        ("delayed-match", "delayed match to sample (Freedman & Assad 2006)", DelayedMatch(), 2e-2, 150.0),
        ("parametric-memory", "parametric working memory (Romo et al. 1999)", ParametricMemory(), 2e-2, 150.0),
    )
)

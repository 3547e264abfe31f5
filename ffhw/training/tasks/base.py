"""What a task is: data, a network, how it is trained, and what is said and drawn of the result.

A task brings everything that is its own; :mod:`ffhw.training.train` brings what all share: seeds, progress,
checkpoints, the record and the files. Tasks are read before TensorFlow is: a module of a task imports Keras inside its
functions.
"""

from __future__ import annotations

import abc
import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ffhw.arrays import MOST_ELEMENTS
from ffhw.errors import InputError
from ffhw.training.networks.cells import CELLS
from ffhw.training.networks.options import FLIP_FLOPS, RecurrentOptions


@dataclasses.dataclass(frozen=True)
class TaskData:
    """Training inputs and targets, and a test split with its lengths.

    x, x_test: one array, or several by the names of the network's inputs; first axis the examples. Inputs of bytes
    stand for values from 0 to 1, see :func:`ffhw.training.batches.as_floats`.
    asked: which of ``y`` the test asks for as well, where training in floats asks for more; None: all.
    """

    x: Any
    y: NDArray[Any]
    x_test: Any
    y_test: NDArray[Any]
    lengths_test: NDArray[np.int64]
    asked: NDArray[np.bool_] | None = dataclasses.field(default=None, kw_only=True)


@dataclasses.dataclass(frozen=True)
class Preset:
    """Sizes of a task: how large its network is and how long it trains. Tasks add what else they have.

    Parameters
    ----------
    source: name of the data, one of the task's sources.
    units: of the (first) recurrent layer; filters of a convolutional one.
    epochs, batch_size, learning_rate: of the training.
    cosine: whether the rate falls to zero along a cosine; else it stays, as in the paper.
    prune: share of each layer's weights that are made zero while it trains, see :mod:`ffhw.training.pruning`.
    """

    source: str
    units: int
    epochs: int
    batch_size: int
    learning_rate: float
    cosine: bool = False
    prune: float = dataclasses.field(default=0.0, kw_only=True)

    def rate(self, steps: int) -> Any:
        """What a Keras optimizer takes as its learning rate."""
        import keras

        falling = keras.optimizers.schedules.CosineDecay
        return falling(self.learning_rate, steps) if self.cosine else self.learning_rate


@dataclasses.dataclass(frozen=True)
class Trained:
    """A finished training, for whoever scores or draws it.

    baseline: figures of merit of something simple, see :meth:`Task.baseline`. at_once: examples that the model is asked
    at once.
    """

    model: Any
    data: Any
    preset: Any
    history: Mapping[str, list[float]]
    seed: int
    baseline: Mapping[str, Any]
    at_once: int

    @functools.cached_property
    def answers(self) -> NDArray[Any]:
        """The model's answers to the test split."""
        from ffhw.training.batches import predict

        return predict(self.model, self.data.x_test, self.at_once)


class Task(abc.ABC):
    """A task that can be trained with different cells.

    Class attributes
    ----------------
    name, title: as users write it, and in words with its source.
    presets: sizes by name: ``quick``, minutes on two cores, and ``paper``.
    sources: what each of its data sets is, by name.
    cells: cells that its network can be built of.
    """

    name: str
    title: str
    presets: ClassVar[Mapping[str, Preset]] = {}
    sources: ClassVar[Mapping[str, str]] = {}
    cells: ClassVar[tuple[str, ...]] = CELLS
    # whether a killed training can go on from its checkpoint
    resumable: bool = True
    # the figure of merit by which networks are ranked, one of those that evaluate gives
    judged_by: str = "accuracy"
    # examples of the test split that a model is asked at once
    at_once: int = 64
    # whether its networks can become hardware, or at least have an integer model; either way the test split is written
    # for `ffhw export`
    becomes_hardware: bool = False
    becomes_integers: bool = False
    # whether the untrained model is kept, for analyses that compare
    keep_initial: bool = False

    def preset(self, options: RecurrentOptions, name: str | None = None, source: str | None = None) -> Preset:
        """The sizes that the user asks for.

        Raises
        ------
        InputError: no such preset, source or cell, or an option that this task has no use for.
        """
        if options.cell not in self.cells:
            raise InputError(f"{self.name} takes --cell {', '.join(self.cells)}, not {options.cell!r}")
        if not options.is_plain:
            others = "--tau-ms, --dale, --density, --no-self-connection, --hold-penalty, --no-recurrent-gates"
            raise InputError(f"{self.name} takes none of {others}, --no-centered, --closing-gates")
        name = name or "quick"
        if name not in self.presets:
            raise InputError(f"--preset of {self.name} must be one of {', '.join(self.presets)}, not {name!r}")
        preset = self.presets[name]
        if source is not None and source not in self.sources:
            raise InputError(f"--data of {self.name} must be one of {', '.join(self.sources)}, not {source!r}")
        return dataclasses.replace(preset, source=source or preset.source, units=options.units or preset.units)

    def settled(self, options: RecurrentOptions, preset: Any) -> RecurrentOptions:
        """The options that the network really has: flip-flops of the paper's tasks are always centered."""
        return dataclasses.replace(options, centered=options.cell in FLIP_FLOPS)

    @property
    def most_is_best(self) -> bool:
        """Whether more of :attr:`judged_by` is better: of shares that are right, not of errors."""
        return self.judged_by in ("accuracy", "sign_accuracy")

    @abc.abstractmethod
    def examples(self, preset: Any, seed: int) -> TaskData:
        """Data of these sizes, read or generated; equal for equal seeds."""

    @abc.abstractmethod
    def build(self, options: RecurrentOptions, preset: Any, data: Any, seed: int) -> Any:
        """Fresh Keras model."""

    # what compile puts into the model: a loss and metrics as Keras takes them
    loss: Any = "mse"
    metrics: ClassVar[tuple[Any, ...]] = ()

    def optimizer(self, preset: Any, steps: int) -> Any:
        """What trains a model for ``steps`` updates."""
        import keras

        return keras.optimizers.Adam(preset.rate(steps), clipnorm=1.0)

    def compile(self, model: Any, preset: Any, steps: int, loss: Any = None) -> None:
        """Give the model its loss, the task's own if None, metrics and optimizer, for ``steps`` updates."""
        import keras

        model.compile(
            optimizer=self.optimizer(preset, steps),
            loss=loss or self.loss,
            metrics=list(self.metrics),
            # JAX without XLA runs each operation of each step by itself. TensorFlow has its graphs: XLA compiles their
            # long loops slowly, and a small cell gains nothing from it on a CPU
            jit_compile=keras.backend.backend() == "jax",
        )

    def on_integers(self, data: Any) -> tuple[Any, Any]:
        """Training data behind the floats', and a loss, None for the task's own: what nobody asks for is left out."""
        return data, None

    @abc.abstractmethod
    def evaluate(self, trained: Trained) -> dict[str, float]:
        """Figures of merit on the test split."""

    def baseline(self, data: Any) -> dict[str, Any]:
        """The same figures of something simple, under ``name`` what it is; empty if the task has none."""
        return {}

    def figures(self, trained: Trained) -> dict[str, Any]:
        """Pictures by name, each a matplotlib figure."""
        return {}

    def describe(self, data: Any, preset: Any) -> dict[str, Any]:
        """What belongs into the record besides: what is needed to use the network later."""
        return {}

    def exports(self, data: Any) -> dict[str, NDArray[Any]] | None:
        """What `ffhw export` takes of the test split, its first examples where it is large; None if the network
        cannot become integers.
        """
        from ffhw.training.batches import as_floats

        if not (self.becomes_hardware or self.becomes_integers):
            return None
        # a reader takes so many numbers of an array
        few = slice(max(1, MOST_ELEMENTS // max(1, data.x_test[0].size, data.y_test[0].size)))
        return {
            "x": as_floats(data.x_test[few]),
            "lengths": data.lengths_test[few],
            "y": as_floats(data.y_test[few]),
        }

    def feed(self, data: TaskData, preset: Any, seed: int) -> dict[str, Any]:
        """The data as ``model.fit`` takes them: batches whose order depends on seed and epoch alone."""
        from ffhw.training.batches import Batches

        return {"x": Batches(data.x, data.y, preset.batch_size, seed), "shuffle": False}

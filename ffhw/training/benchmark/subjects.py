"""The four networks of the paper's hardware benchmark (its Table 12), and what is known of its figures.

A recurrent layer that answers once a sequence, and a dense readout; numbers from U(0, 1), mean squared error, SGD.
What we do not know of the table (how many examples an epoch has, where the outputs are read) is chosen here.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from ffhw.errors import InputError

# Seconds of an epoch that the paper reports, by cell. Of which networks, on which device and of how many examples is
# not known to us, and of its figures 16 and 17 no number.
PAPER_SECONDS = {"jk": 1.36, "lstm": 2.47}


@dataclasses.dataclass(frozen=True)
class Subject:
    """A network and its data.

    Parameters
    ----------
    cell: of ``ffhw.training.networks.cells``. shape: of one step's inputs: ``(D,)``, or ``(rows, columns, C)`` for a
        convolutional layer, 3 x 3, ``same``.
    units: N, or maps F. outputs: of the readout. batch: sequences of a batch.
    """

    name: str
    cell: str
    shape: tuple[int, ...]
    units: int
    outputs: int
    batch: int


_MAPS = (16, 16, 3)
SUBJECTS = {
    subject.name: subject
    for subject in (
        Subject("FFNN", "jk", (30,), 10, 10, 256),
        Subject("LSTM", "lstm", (30,), 10, 10, 256),
        Subject("ConvFFNN", "jk", _MAPS, 8, 30, 64),
        Subject("ConvLSTM", "lstm", _MAPS, 8, 30, 64),
    )
}


@dataclasses.dataclass(frozen=True)
class Effort:
    """How much is measured.

    Parameters
    ----------
    batches: of an epoch. time_steps: T of a sequence. share: of the paper's batch size, 1 over so much.

    Raises
    ------
    InputError: out of range.
    """

    batches: int = 4
    time_steps: int = 300
    share: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.batches <= 10_000:
            raise InputError(f"--steps must be from 1 to 10,000 batches, not {self.batches}")

    def batch_of(self, subject: Subject) -> int:
        """Sequences of a batch."""
        return max(1, subject.batch // self.share)


QUICK_TIME_STEPS, QUICK_SHARE = 30, 8


def build(subject: Subject, time_steps: int) -> Any:
    """Fresh Keras model, ``[batch, T, *shape]`` to ``[batch, outputs]``, compiled."""
    import keras

    from ffhw.training.networks.cells import convolutional, recurrent

    flat = len(subject.shape) == 1
    layers: list[Any] = [keras.Input((time_steps, *subject.shape), name="input")]
    if flat:
        layers.append(recurrent(subject.cell, subject.units, None, every_step=False, name="recurrent"))
    else:
        layers.append(convolutional(subject.cell, subject.units, 3, None, every_step=False, name="recurrent"))
        layers.append(keras.layers.Flatten(name="flat"))
    layers.append(keras.layers.Dense(subject.outputs, name="readout"))
    model = keras.Sequential(layers, name=subject.name)
    # Left to itself, Keras lets XLA compile on TensorFlow, which trains an LSTM several times slower: no fair twin.
    compiled = keras.backend.backend() == "jax"
    model.compile(keras.optimizers.SGD(), "mse", jit_compile=compiled)
    return model

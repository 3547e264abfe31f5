"""Sequential logic that a first course builds of flip-flops and gates, as data: what a cell of one bit should be.

Inputs are bits, 0 or 1; answers are bits as well, -1 or 1, at every step, of the inputs up to that step. So a network
of as many units as the circuit has flip-flops can be right everywhere, and 100 % of the signs is what is asked for.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ffhw.training.tasks.base import TaskData
from ffhw.training.tasks.sequence import Loader, SequenceTask

Bits = NDArray[np.int64]
Circuit = Callable[[np.random.Generator, int, int], tuple[Bits, Bits]]
TRAINED, TESTED, STEPS = 2048, 512, 32
# what the detector looks for
PATTERN = (1, 0, 1, 1, 0, 0, 1, 0)


def parity(rng: np.random.Generator, samples: int, steps: int) -> tuple[Bits, Bits]:
    """Is the number of ones so far odd? One toggle flip-flop: J = K = x."""
    x = rng.integers(0, 2, (samples, steps, 1))
    return x, x.cumsum(axis=1) % 2


def counter(rng: np.random.Generator, samples: int, steps: int) -> tuple[Bits, Bits]:
    """The number of ones so far modulo eight, three bits, the lowest first: a chain of toggle flip-flops."""
    x = rng.integers(0, 2, (samples, steps, 1))
    return x, x.cumsum(axis=1) >> np.arange(3) & 1


def adder(rng: np.random.Generator, samples: int, steps: int) -> tuple[Bits, Bits]:
    """The sum of two numbers that come bit by bit, the lowest first: a full adder and a flip-flop for its carry."""
    x, carry = rng.integers(0, 2, (samples, steps, 2)), np.zeros(samples, np.int64)
    total = np.zeros((samples, steps, 1), np.int64)
    for step in range(steps):
        ones = x[:, step].sum(axis=1) + carry
        total[:, step, 0], carry = ones & 1, ones >> 1
    return x, total


def detector(rng: np.random.Generator, samples: int, steps: int) -> tuple[Bits, Bits]:
    """Were the last eight bits :data:`PATTERN`? Every other stretch of them is, or is but for one bit."""
    x, size = rng.integers(0, 2, (samples, steps, 1)), len(PATTERN)
    for sample in range(samples):
        for begin in range(int(rng.integers(0, size)), steps - size + 1, size + int(rng.integers(0, size))):
            x[sample, begin : begin + size, 0] = PATTERN
            if rng.random() < 0.3:
                x[sample, begin + rng.integers(0, size), 0] ^= 1
    found = np.zeros_like(x)
    windows = np.lib.stride_tricks.sliding_window_view(x[..., 0], size, axis=1)
    found[:, size - 1 :, 0] = (windows == PATTERN).all(axis=2)
    return x, found


def _loader(circuit: Circuit) -> Loader:
    """The test split is twice as long: a circuit that is understood does not mind."""

    def load(seed: int) -> TaskData:
        rng = np.random.default_rng(seed)
        x, y = circuit(rng, TRAINED, STEPS)
        x_test, y_test = circuit(rng, TESTED, 2 * STEPS)
        lengths = np.full(TESTED, 2 * STEPS, np.int64)
        signs = [(2 * found - 1).astype(np.float32) for found in (y, y_test)]
        return TaskData(x.astype(np.float32), signs[0], x_test.astype(np.float32), signs[1], lengths)

    return load


TASKS = tuple(
    SequenceTask(
        name=name,
        title=title,
        load=_loader(circuit),
        outputs=outputs,
        softmax=False,
        units=units,
        epochs=epochs,
        batch_size=32,
        learning_rate=2e-2,
        longest_hold=8.0,
        weight_limit=None,
    )
    for name, title, circuit, outputs, units, epochs in (
        ("parity", "parity of a stream of bits", parity, 1, 16, 20),
        ("counter", "counter of ones modulo eight", counter, 3, 24, 30),
        ("adder", "serial adder of two streams of bits", adder, 1, 16, 20),
        ("detector", "detector of eight bits in a stream", detector, 1, 32, 30),
    )
)

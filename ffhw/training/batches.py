"""Examples in batches, in an order that depends on seed and epoch alone."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray


def as_floats(x: Any) -> Any:
    """Inputs as networks take them: bytes 0 to 255 become float32 from 0 to 1, anything else stays what it is."""
    if isinstance(x, dict):
        return {name: as_floats(part) for name, part in x.items()}
    return x.astype(np.float32) / np.float32(255) if x.dtype == np.uint8 else x


def rows(x: Any, chosen: Any) -> Any:
    """These examples of an array, or of several by name."""
    return {name: part[chosen] for name, part in x.items()} if isinstance(x, dict) else x[chosen]


class Batches(keras.utils.PyDataset):
    """Batches for ``model.fit``, shuffled anew each epoch.

    The order of an epoch comes from its number, not from what was drawn before: a training that goes on from a
    checkpoint sees what it would have seen. Whoever trains calls :meth:`begin` at the begin of each epoch, and lets
    ``fit`` shuffle nothing. Only a batch at a time is turned into floats.

    Parameters
    ----------
    x, y: inputs (one array or several by name) and targets, first axis the examples.
    batch_size: examples a batch; the last one of an epoch may be smaller.
    """

    def __init__(self, x: Any, y: NDArray[Any], batch_size: int, seed: int) -> None:
        super().__init__()
        self.x, self.y, self.batch_size, self.seed = x, y, batch_size, seed
        self.begin(0)

    def begin(self, epoch: int) -> None:
        """Go to the begin of an epoch."""
        self._order = np.random.default_rng([self.seed, epoch]).permutation(len(self.y))

    def __len__(self) -> int:
        return -(-len(self.y) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        chosen = self._order[index * self.batch_size : (index + 1) * self.batch_size]
        return as_floats(rows(self.x, chosen)), as_floats(self.y[chosen])


def predict(model: Any, x: Any, batch_size: int = 64) -> NDArray[Any]:
    """Answers of a model to inputs, a batch at a time."""
    count = len(next(iter(x.values()))) if isinstance(x, dict) else len(x)
    parts = []
    for begin in range(0, count, batch_size):
        part = as_floats(rows(x, slice(begin, begin + batch_size)))
        parts.append(np.asarray(model.predict_on_batch(part)))
    return np.concatenate(parts)

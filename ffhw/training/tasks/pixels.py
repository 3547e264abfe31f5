"""What tasks that answer pixels share: how sure and right an answer is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


def cross_entropy(answer: NDArray[Any], truth: NDArray[np.bool_]) -> float:
    """Mean binary cross-entropy in nats of answers from 0 to 1, of the truth's shape."""
    sure = np.clip(np.where(truth, answer, 1 - answer.astype(np.float64)), 1e-7, 1)
    return float(-np.log(sure).mean())


def as_loss(baseline: Mapping[str, Any]) -> dict[str, Any]:
    """A baseline by the name that its figure has in a training's history."""
    return {"name": baseline["name"], "loss": baseline["cross_entropy"]}

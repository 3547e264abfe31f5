"""The loss of what a task asks for: few codes have nothing to spare for the rest."""

from __future__ import annotations

from typing import Any

from keras import ops


def asked_error(target: Any, answer: Any) -> Any:
    """Square error ``[...]``, mean of a step's outputs ``[..., outputs]``; a target that is NaN asks for nothing."""
    asked = ops.isfinite(target)
    wrong = ops.where(asked, answer - ops.where(asked, target, 0.0), 0.0)
    return ops.mean(ops.square(wrong), axis=-1)

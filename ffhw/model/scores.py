"""How good answers are, as a Keras user expects of each head and each form of ``y``.

Forms of ``y`` that are understood, for N outputs; with ``[batch]`` as well where each step is answered, in which case
the last step's answer counts:

- numbers of classes, whole numbers from 0 to N - 1: ``[batch]``, ``[batch, 1]``, or ``[batch, time]`` for each step.
  ``accuracy``: the share of answers whose largest output is that class.
- one-hot or soft classes, of a softmax or argmax head: the outputs' own shape. ``accuracy`` of the largest.
- yes or no, 0 or 1, of a sigmoid head: the outputs' own shape, or without its last axis if that is 1.
  ``accuracy``: the share of answers on the right side of 0.5.
- real targets: the outputs' own shape, or without its last axis if that is 1. ``mse``; ``sign_accuracy`` where targets
  are -1 and 1, zeros left out. A target of NaN asks for nothing. One-hot targets of a linear head are scored so, too.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ffhw.errors import InputError
from ffhw.model.data import Data, Signature

Kind = Literal["classes", "binary", "values"]
_ONE_HOT = (
    "y is one-hot, but the head is not a softmax: the outputs' distance from 0 and 1 is scored; "
    "for accuracy give class numbers"
)


@dataclasses.dataclass(frozen=True)
class Targets:
    """What ``y`` asks for.

    y: class numbers ``[batch]`` or ``[batch, time]``, or targets of the outputs' own shape.
    last_step: whether only the last step of a sequence is asked for, although each one is answered.
    note: what a user may not expect of how ``y`` is read; empty if nothing.
    """

    kind: Kind
    y: NDArray[Any]
    last_step: bool
    note: str = ""


def read_targets(data: Data, signature: Signature, where: str) -> Targets | None:
    """``data.y`` as targets for a network; None without any.

    Raises
    ------
    InputError: a form that is not understood; says which ones are.
    """
    if data.y is None:
        return None
    y, n = np.asarray(data.y), signature.outputs
    answered = data.answered(signature)
    batch, steps = answered.shape
    if y.dtype.kind not in "biuf":
        raise InputError(f"{where}: y must hold numbers, not {y.dtype}")
    answers = (batch, steps) if signature.every_step else (batch,)
    if signature.every_step and y.ndim >= 2 and y.shape[:2] == answers:
        # past a sequence's end nothing is asked for, whatever stands there
        y = np.where(answered.reshape(batch, steps, *[1] * (y.ndim - 2)), y, np.zeros((), y.dtype))
    if n > 1 and y.shape == (*answers, 1):
        y = y[..., 0]
    per_sequence = y.shape in ((batch,), (batch, 1))
    whole = y.dtype.kind in "biu" or bool(np.isfinite(y).all() and (y == np.floor(y)).all())
    if n > 1 or signature.head == "argmax":
        if per_sequence and whole:
            return _classes(y.reshape(batch), data, signature, signature.every_step, where)
        if y.shape == answers and whole and signature.every_step:
            return _classes(y, data, signature, False, where)
        if y.shape == (*answers, n):
            if signature.head in ("softmax", "argmax"):
                return _classes(_largest(y, where), data, signature, False, where)
            targets = _own_shape(y, signature, False, where)
            return dataclasses.replace(targets, note=_ONE_HOT) if _is_one_hot(targets, data, signature) else targets
    elif y.shape in (answers, (*answers, 1)):
        return _own_shape(y.reshape(*answers, 1), signature, False, where)
    elif per_sequence:
        return _own_shape(y.reshape(batch, 1), signature, True, where)
    raise InputError(f"{where}: y is {y.dtype} of shape {list(y.shape)}; understood are {_forms(answers, signature)}")


def _forms(answers: tuple[int, ...], signature: Signature) -> str:
    """The forms of ``y`` that a network's head understands."""
    n = signature.outputs
    if n == 1 and signature.head != "argmax":
        kind = "0 or 1" if signature.head == "sigmoid" else "targets"
        return f"{kind} of shape {list(answers)} or {[*answers, 1]}"
    forms = f"class numbers 0 to {n - 1} of shape {[answers[0]]}"
    if signature.every_step:
        forms += f" or {list(answers)}"
    other = {"softmax": "one-hot", "argmax": "one-hot", "sigmoid": "0 or 1", "values": "targets"}[signature.head]
    return f"{forms}, and {other} of shape {[*answers, n]}"


def _is_one_hot(targets: Targets, data: Data, signature: Signature) -> bool:
    """Whether real targets look like classes."""
    if targets.kind != "values":
        return False
    y = targets.y[data.answered(signature)] if targets.y.ndim == 3 else targets.y
    return bool(np.isin(y, (0, 1)).all() and (y.sum(axis=-1) == 1).all())


def _largest(y: Any, where: str) -> Any:
    if not np.isfinite(y.astype(np.float64)).all():
        raise InputError(f"{where}: y must be finite where it gives classes")
    return y.argmax(axis=-1)


def _classes(y: Any, data: Data, signature: Signature, last_step: bool, where: str) -> Targets:
    asked = y[data.answered(signature)] if y.ndim == 2 else y
    if asked.min() < 0 or asked.max() >= signature.outputs:
        raise InputError(
            f"{where}: y has classes {asked.min():g} to {asked.max():g}, the model tells 0 to {signature.outputs - 1} "
            "apart: number classes from 0"
        )
    return Targets("classes", y.astype(np.int64), last_step)


def _own_shape(y: Any, signature: Signature, last_step: bool, where: str) -> Targets:
    if signature.head != "sigmoid":
        return Targets("values", y.astype(np.float64), last_step)
    if not np.isin(y, (0, 1)).all():
        if ((y >= 0) & (y <= 1) | np.isnan(y)).all():
            return Targets("values", y.astype(np.float64), last_step)  # shares, not decisions
        raise InputError(f"{where}: y must be from 0 to 1 for a sigmoid output, found {np.nanmin(y)} to {np.nanmax(y)}")
    return Targets("binary", y.astype(np.int64), last_step)


def score(answers: Any, targets: Targets | None, data: Data, signature: Signature) -> dict[str, float]:
    """Figures of merit of a network's answers.

    Parameters
    ----------
    answers: ``[batch, time, N]``, or ``[batch, N]`` where the network answers once a sequence; class numbers, N = 1,
        of an argmax head.
    """
    if targets is None:
        return {}
    real = data.answered(signature) if signature.every_step else np.ones(len(answers), bool)
    if targets.last_step:
        final = signature.rhythm.steps(data.lengths) - 1
        answers, real = answers[np.arange(len(answers)), final], np.ones(len(answers), bool)
    if targets.kind == "classes":
        found = answers[..., 0] if signature.head == "argmax" else answers.argmax(axis=-1)
        return {"accuracy": float((found == targets.y)[real].mean())}
    if targets.kind == "binary":
        return {"accuracy": float(((answers > 0.5) == targets.y)[real].mean())}
    asked = ~np.isnan(targets.y) & real[..., None]
    if not asked.any():
        return {}
    wanted, given = targets.y[asked], answers[asked]
    result = {"mse": float(np.square(given - wanted).mean())}
    # both signs must be asked for: 0 and 1 are no signs
    if np.isin(wanted, (-1, 0, 1)).all() and (wanted == -1).any() and (wanted == 1).any():
        signed = wanted != 0
        result["sign_accuracy"] = float((np.sign(given)[signed] == wanted[signed]).mean())
    return result

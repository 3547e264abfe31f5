"""Constraints on recurrent weights, as Keras constraints: what a brain, or a piece of hardware, does not allow.

Keras multiplies from the left, ``h @ W``: row i of a recurrent kernel ``[N, G N]`` holds what unit i sends to each of
the G gates of all units. It is a column of W in the form ``W h`` that papers use. Keras applies a constraint after each
update; :func:`apply_constraints` applies it to fresh weights too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray


@keras.saving.register_keras_serializable(package="ffhw")
class WeightLimit(keras.constraints.Constraint):
    """Keeps every weight within ``[-limit, limit]``.

    A tensor has one scale in hardware: a few large weights would cost all others their resolution. A limit of
    ``2^n - 2^(n + 1 - bits)`` is the largest code of ``bits`` bits on the grid that reaches 2^n.

    Parameters
    ----------
    limit: greater than 0.
    """

    def __init__(self, limit: float) -> None:
        if not limit > 0:
            raise ValueError(f"limit must be greater than 0, not {limit!r}")
        self.limit = limit

    def __call__(self, w: Any) -> Any:
        """The weights, cut to the limit."""
        return ops.clip(w, -self.limit, self.limit)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {"limit": self.limit}


@keras.saving.register_keras_serializable(package="ffhw")
class DaleLaw(keras.constraints.Constraint):
    """Every unit either excites or inhibits all that it reaches: Dale's law.

    The first ``round(excitatory * N)`` units send weights of at least 0, the others of at most 0; weights of the wrong
    sign become 0. See Song, Yang & Wang, PLoS Computational Biology 12 (2016).

    Parameters
    ----------
    excitatory: share of excitatory units, from 0 to 1; 0.8 is cortex.
    """

    def __init__(self, excitatory: float = 0.8) -> None:
        if not 0 <= excitatory <= 1:
            raise ValueError(f"excitatory must be from 0 to 1, not {excitatory!r}")
        self.excitatory = excitatory

    def __call__(self, w: Any) -> Any:
        """The weights without those of the wrong sign."""
        excites = np.arange(w.shape[0]) < round(self.excitatory * w.shape[0])
        sign = ops.convert_to_tensor(np.where(excites, 1.0, -1.0)[:, None], w.dtype)
        return sign * ops.relu(sign * w)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {"excitatory": self.excitatory}


@keras.saving.register_keras_serializable(package="ffhw")
class Sparse(keras.constraints.Constraint):
    """Keeps a random share of the connections and holds all others at 0.

    A connection from one unit to another is there for all gates or for none.

    Parameters
    ----------
    density: share of the connections that stay, above 0 and at most 1. seed: of the choice.
    """

    def __init__(self, density: float, seed: int = 0) -> None:
        if not 0 < density <= 1:
            raise ValueError(f"density must be above 0 and at most 1, not {density!r}")
        self.density = density
        self.seed = seed

    def __call__(self, w: Any) -> Any:
        """The weights, those of no connection at 0."""
        units = w.shape[0]
        keeps = np.random.default_rng(self.seed).random((units, units)) < self.density
        return w * ops.convert_to_tensor(np.tile(keeps, (1, w.shape[1] // units)), w.dtype)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {"density": self.density, "seed": self.seed}


@keras.saving.register_keras_serializable(package="ffhw")
class NoSelfConnection(keras.constraints.Constraint):
    """No unit feeds itself: the diagonal of each gate's matrix is 0."""

    def __call__(self, w: Any) -> Any:
        """The weights without the diagonals."""
        units = w.shape[0]
        others = np.tile(1.0 - np.eye(units), (1, w.shape[1] // units))
        return w * ops.convert_to_tensor(others, w.dtype)


@keras.saving.register_keras_serializable(package="ffhw")
class Chain(keras.constraints.Constraint):
    """Several constraints, one after the other.

    Each of this module keeps what the others ask for, so their order does not matter.

    Parameters
    ----------
    constraints: constraints, or what ``keras.constraints.get`` takes.
    """

    def __init__(self, constraints: Sequence[Any]) -> None:
        self.constraints = [keras.constraints.get(c) for c in constraints]

    def __call__(self, w: Any) -> Any:
        """The weights that every constraint allows."""
        for constraint in self.constraints:
            w = constraint(w)
        return w

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {"constraints": [keras.constraints.serialize(c) for c in self.constraints]}


def apply_constraints(model: Any) -> None:
    """Put every weight of a fresh Keras model within its constraint."""
    for weight in model.trainable_variables:
        if weight.constraint is not None:
            weight.assign(weight.constraint(weight.value))


def balance(recurrent: NDArray[np.float64], excitatory: float | None) -> NDArray[np.float64]:
    """Fresh constrained weights ``[N, G N]``, made fit to learn: each gate's matrix gets a spectral radius of 1.

    Under Dale's law (``excitatory`` the share of such units; None without the law) excitation and inhibition are made
    equal first: the few inhibitory units send as much as the many excitatory ones. Unbalanced, a network starts in
    saturation; thinned out and not scaled up again, it forgets at once (Song, Yang & Wang 2016).
    """
    units = len(recurrent)
    balanced = recurrent.copy()
    if excitatory is not None:
        count = round(excitatory * units)
        sent, inhibited = balanced[:count].sum(), -balanced[count:].sum()
        if sent > 0 and inhibited > 0:
            balanced[count:] *= sent / inhibited
    for gate in np.split(balanced, recurrent.shape[1] // units, axis=1):
        radius = np.abs(np.linalg.eigvals(gate)).max()
        if radius > 0:
            gate /= radius
    return balanced

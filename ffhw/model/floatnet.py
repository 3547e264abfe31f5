"""The float network: what was trained, as plain arrays, and its forward pass in NumPy.

It is the yardstick that the quantized network is measured against and the source of calibration statistics, and it
needs no deep-learning framework.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import ArrayLike

from ffhw.errors import InputError
from ffhw.layers.base import FloatLayer, Floats
from ffhw.model.chain import Chain


@dataclasses.dataclass(frozen=True)
class FloatNetwork(Chain):
    """A chain of trained layers.

    notes: what its reader should tell a user; state_notes: where states are not kept.
    """

    name: str
    layers: tuple[FloatLayer, ...]
    mask_value: float | None = None  # of a Masking layer at the input: steps of this value only are padding
    notes: tuple[str, ...] = ()
    state_notes: tuple[str, ...] = ()

    @property
    def settled(self) -> tuple[str, ...]:
        """Of the layers that were trained on integers, as what; none in a network in floats."""
        return tuple(layer.settled for layer in self.layers if layer.settled)


def forward(network: FloatNetwork, x: ArrayLike, lengths: ArrayLike | None = None) -> list[Floats]:
    """Run sequences through the network and keep what every layer gives.

    Parameters
    ----------
    x: ``[batch, time, D]``; lengths: steps of each sequence, all if None.

    Returns
    -------
    One array a layer, ``[batch, answers, N]``; the last one is the network's output, logits where it ends in a
    softmax. Steps past a sequence's end repeat its last state.

    Raises
    ------
    InputError: the shape does not fit the network, a sequence is too short, or a token is outside the table.
    """
    v = np.asarray(x, dtype=np.float64)
    if v.ndim != 3 or v.shape[2] != network.input_size or 0 in v.shape:
        raise InputError(
            f"data must have shape [batch, time, {network.input_size}], each at least 1, not {list(v.shape)}"
        )
    if not np.isfinite(v).all():
        raise InputError(f"data must be finite, found {int((~np.isfinite(v)).sum())} values that are not")
    length = np.full(len(v), v.shape[1]) if lengths is None else np.asarray(lengths)
    if length.min() < network.rhythm.least:
        raise InputError(f"data must have sequences of at least {network.rhythm.least} steps, not {length.min()}")
    given = []
    for layer in network.layers:
        v, length = layer.forward(v, length), layer.rhythm.steps(length)
        if layer.rhythm.once:
            v = v[:, -1:]
        given.append(v)
    return given


def predict(network: FloatNetwork, x: ArrayLike, lengths: ArrayLike | None = None) -> Floats:
    """Outputs of the float network: ``[batch, time, N]``, or ``[batch, N]`` where it answers once a sequence.

    Padding is what lies past ``lengths``; :func:`ffhw.model.data.fit_data` finds them by a mask's value.
    """
    v = network.layers[-1].answer(forward(network, x, lengths)[-1])
    return v if network.return_sequences else v[:, 0]

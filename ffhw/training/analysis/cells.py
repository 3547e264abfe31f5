"""One step of every recurrent cell, in NumPy: the map F of ``s_t = F(s_{t-1}, x_t)``.

States are rows ``s [batch, S]``, S the units N, but 2 N for the LSTM: its output h and its cell c side by side. Weights
have Keras' shapes and gate order. Complex states are allowed, so that a derivative can be taken by a complex step.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ffhw.numbers.tables import closing_sigmoid, sigmoid

Array = NDArray[Any]


@dataclasses.dataclass(frozen=True)
class CellWeights:
    """Trained weights of one recurrent layer.

    kernel ``[D, G N]``, recurrent ``[N, G N]``, bias ``[G N]`` (flip-flops: both added) or ``[2, G N]`` (GRU: input's
    and recurrent one). alpha: dt / tau of the continuous-time cell, 1 for the others. both: what S = R = 1 does.
    recurrent_gates: whether there are weights of the state; if not, ``recurrent`` is 0. closing: whether gates close.
    """

    kernel: Array
    recurrent: Array
    bias: Array
    alpha: float = 1.0
    both: str = "set"
    recurrent_gates: bool = True
    closing: bool = False

    @property
    def units(self) -> int:
        """N."""
        return len(self.recurrent)


def rnn_step(w: CellWeights, s: Array, x: Array) -> Array:
    """Plain and continuous-time tanh units."""
    # h_t = (1 - alpha) h_{t-1} + alpha tanh(Wx x_t + Wh h_{t-1} + b)
    return (1.0 - w.alpha) * s + w.alpha * np.tanh(x @ w.kernel + s @ w.recurrent + w.bias)


def flip_flop_gates(w: CellWeights, s: Array, x: Array) -> Array:
    """Of flip-flops, side by side, ``[batch, G N]``."""
    # sigmoid(Wx x_t + Wh h_{t-1} + b), or clip((1 + 2 c) sigmoid(...) - c, 0, 1)
    gate = closing_sigmoid if w.closing else sigmoid
    return gate(x @ w.kernel + s @ w.recurrent + w.bias)


def jk_gates(w: CellWeights, s: Array, x: Array) -> tuple[Array, Array]:
    """J and K, each ``[batch, N]``."""
    gates = flip_flop_gates(w, s, x)
    return gates[..., : w.units], gates[..., w.units :]


def jk_step(w: CellWeights, s: Array, x: Array) -> Array:
    """Flip-flop neurons (JK flip-flop network paper, eq. 1-3)."""
    j, k = jk_gates(w, s, x)
    # h_t = J (1 - h_{t-1}) + (1 - K) h_{t-1}
    return j * (1.0 - s) + (1.0 - k) * s


def sr_step(w: CellWeights, s: Array, x: Array) -> Array:
    """SR flip-flop neurons; see :mod:`ffhw.training.layers.sr`."""
    sets, resets = jk_gates(w, s, x)
    # J = S, or S (1 - R); K = R, or R (1 - S);  h_t = J (1 - h_{t-1}) + (1 - K) h_{t-1}
    j = sets if w.both == "set" else sets * (1.0 - resets)
    k = resets if w.both == "reset" else resets * (1.0 - sets)
    return j * (1.0 - s) + (1.0 - k) * s


def toggle_step(w: CellWeights, s: Array, x: Array) -> Array:
    """Toggle flip-flop neurons."""
    toggle = flip_flop_gates(w, s, x)
    # h_t = T (1 - h_{t-1}) + (1 - T) h_{t-1}
    return toggle * (1.0 - s) + (1.0 - toggle) * s


def lstm_step(w: CellWeights, s: Array, x: Array) -> Array:
    """Long short-term memory, Keras' order of gates: i, f, candidate, o."""
    n = w.units
    h, c = s[..., :n], s[..., n:]
    z = x @ w.kernel + h @ w.recurrent + w.bias
    i, f, o = sigmoid(z[..., :n]), sigmoid(z[..., n : 2 * n]), sigmoid(z[..., 3 * n :])
    # c_t = f c_{t-1} + i tanh(z_c);  h_t = o tanh(c_t)
    c = f * c + i * np.tanh(z[..., 2 * n : 3 * n])
    return np.concatenate([o * np.tanh(c), c], axis=-1)


def gru_step(w: CellWeights, s: Array, x: Array) -> Array:
    """Gated recurrent units in Keras' default form (reset after the product), order of gates: z, r, candidate."""
    n = w.units
    driven = x @ w.kernel + w.bias[0]
    inner = s @ w.recurrent + w.bias[1]
    z = sigmoid(driven[..., :n] + inner[..., :n])
    r = sigmoid(driven[..., n : 2 * n] + inner[..., n : 2 * n])
    # h_t = z h_{t-1} + (1 - z) tanh(Wx x_t + r (Wh h_{t-1} + b))
    return z * s + (1.0 - z) * np.tanh(driven[..., 2 * n :] + r * inner[..., 2 * n :])


@dataclasses.dataclass(frozen=True)
class Cell:
    """A kind of cell: its step, its gates in Keras' order, and how many of its gates' widths its state has.

    biases: arrays of its bias in a file: 1, or the input's and the recurrent one. added: whether they always meet.
    """

    step: Callable[[CellWeights, Array, Array], Array]
    gates: tuple[str, ...]
    states: int = 1
    biases: int = 1
    added: bool = False


CELLS = {
    "rnn": Cell(rnn_step, ("h",)),
    "ctrnn": Cell(rnn_step, ("h",)),
    "jk": Cell(jk_step, ("J", "K"), biases=2, added=True),
    "sr": Cell(sr_step, ("S", "R"), biases=2, added=True),
    "toggle": Cell(toggle_step, ("T",), biases=2, added=True),
    "lstm": Cell(lstm_step, ("i", "f", "c", "o"), states=2),
    "gru": Cell(gru_step, ("z", "r", "h"), biases=2),
}

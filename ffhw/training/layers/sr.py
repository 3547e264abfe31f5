"""The SR flip-flop layer for Keras 3, on any backend.

For input x_t and state h_t in [0, 1], with S (set) and R (reset):

    S = sigmoid(Wsx x_t + bsx + Wsh h_{t-1} + bsh)        S R   h_t
    R = sigmoid(Wrx x_t + brx + Wrh h_{t-1} + brh)        0 0   h_{t-1}
                                                          1 0   1
                                                          0 1   0
                                                          1 1   by `both`: 1 (set), 0 (reset) or h_{t-1} (hold)

Between the corners the state is the multilinear function that agrees with this table.
"""

from __future__ import annotations

from typing import Any

import keras

from ffhw.training.layers.neurons import FlipFlopCell, FlipFlopRNN

BOTH = ("set", "reset", "hold")


@keras.saving.register_keras_serializable(package="ffhw")
class SRCell(FlipFlopCell):
    """One step of N SR neurons. The gate order of every weight is S, then R.

    Parameters
    ----------
    both: what S = R = 1 does, one of :data:`BOTH`. The others are those of :class:`FlipFlopCell`.
    """

    gates = 2

    def __init__(self, units: int, both: str = "set", **kwargs: Any) -> None:
        if both not in BOTH:
            raise ValueError(f"both must be one of {', '.join(BOTH)}, not {both!r}")
        super().__init__(units, **kwargs)
        self.both = both

    def update(self, gates: list[Any], h: Any) -> Any:  # noqa: D102
        j, k = self._as_jk(gates)
        # h_t = J * (1 - h_{t-1}) + (1 - K) * h_{t-1}
        return j * (1.0 - h) + (1.0 - k) * h

    def _as_jk(self, gates: list[Any]) -> tuple[Any, Any]:
        s, r = gates
        # J = S, or S (1 - R) where S = R = 1 does not set; K = R, or R (1 - S) where it does not reset
        return s if self.both == "set" else s * (1.0 - r), r if self.both == "reset" else r * (1.0 - s)

    def slopes(self, gates: list[Any], h: Any) -> tuple[list[Any], Any]:  # noqa: D102
        s, r = gates
        j, k = self._as_jk(gates)
        # dh_t/dJ = 1 - h_{t-1}      dh_t/dK = -h_{t-1}      dh_t/dh_{t-1} = 1 - J - K
        by_j, by_k = 1.0 - h, -h
        # of J = S (1 - R):  dJ/dS = 1 - R,  dJ/dR = -S;  of K = R (1 - S):  dK/dS = -R,  dK/dR = 1 - S
        by_s = by_j if self.both == "set" else (1.0 - r) * by_j
        by_r = by_k if self.both == "reset" else (1.0 - s) * by_k
        by_s = by_s if self.both == "reset" else by_s - r * by_k
        by_r = by_r if self.both == "set" else by_r - s * by_j
        return [by_s, by_r], 1.0 - j - k

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {**super().get_config(), "both": self.both}


@keras.saving.register_keras_serializable(package="ffhw")
class SR(FlipFlopRNN):
    """A recurrent layer of N SR flip-flop neurons, see :class:`FlipFlopRNN`; ``both``: see :class:`SRCell`.

    Parameters: ``2 N (D + N + 2)``.
    """

    cell_class = SRCell
    cell_name = "sr_cell"

    def __init__(self, units: int, both: str = "set", **kwargs: Any) -> None:
        super().__init__(units, own={"both": both}, **kwargs)

    def own_config(self) -> dict[str, Any]:  # noqa: D102
        return {"both": self.cell.both}

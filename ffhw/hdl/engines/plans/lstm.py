"""The plan of an LSTM engine."""

from __future__ import annotations

from ffhw.hdl.engines.plans.recurrent import RecurrentPlan
from ffhw.layers.lstm import LSTMLayer
from ffhw.numbers.tables import Sigmoid, Table, Tanh


class LSTMPlan(RecurrentPlan):
    """Cycles and resources of :class:`ffhw.hdl.engines.lstm.LSTMCell`."""

    layer: LSTMLayer
    cell_stages = 8  # look up, gates, multiply, sum, c, look up, tanh(c), multiply
    reads = ("c",)

    def lookups(self) -> list[Table]:
        """i, f and o; g and tanh(c)."""
        bits = self.layer.state.bits
        return [*[Sigmoid(bits)] * 3, *[Tanh(bits)] * 2]

    def finisher_products(self) -> list[tuple[int, int]]:
        """F by C, I by G, O by tanh(C)."""
        bits = self.layer.state.bits + 2
        return [(bits, self.layer.cell.bits), (bits, self.layer.state.bits), (bits, self.layer.state.bits)]


PLAN = LSTMPlan

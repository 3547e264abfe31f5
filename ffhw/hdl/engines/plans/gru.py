"""The plan of a GRU engine."""

from __future__ import annotations

from ffhw.hdl.engines.plans.recurrent import RecurrentPlan
from ffhw.layers.gru import GRULayer
from ffhw.numbers.tables import Sigmoid, Table, Tanh


class GRUPlan(RecurrentPlan):
    """Cycles and resources of :class:`ffhw.hdl.engines.gru.GRUCell`."""

    layer: GRULayer
    cell_stages = 8  # look up, gates, multiply, sum, look up, n, multiply, sum

    def lookups(self) -> list[Table]:
        """z and r; n."""
        bits = self.layer.state.bits
        return [Sigmoid(bits), Sigmoid(bits), Tanh(bits)]

    def finisher_products(self) -> list[tuple[int, int]]:
        """R by the recurrent sum; Z by H, and NOT Z by N."""
        bits = self.layer.state.bits
        return [(bits + 2, self.layer.acc_width - self.layer.recurrent_shift), *[(bits, bits)] * 2]


PLAN = GRUPlan

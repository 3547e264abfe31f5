"""The plan of a GRU engine with the reset before the product."""

from __future__ import annotations

from ffhw.hdl.engines.plans.recurrent import RecurrentPlan
from ffhw.hdl.plan.memory import Memory
from ffhw.layers.gru_reset_before import GRUResetBeforeLayer
from ffhw.numbers.tables import Sigmoid, Table, Tanh


class GRUResetBeforePlan(RecurrentPlan):
    """Cycles and resources of :class:`ffhw.hdl.engines.gru_reset_before.GRUResetBeforeCell`."""

    layer: GRUResetBeforeLayer
    cell_stages = 4  # look up, gates, multiply, sum

    def lookups(self) -> list[Table]:
        """r or z; n."""
        bits = self.layer.state.bits
        return [Sigmoid(bits), Tanh(bits)]

    def finisher_products(self) -> list[tuple[int, int]]:
        """R by H; Z by H, and NOT Z by N."""
        bits = self.layer.state.bits
        return [(bits + 2, bits), *[(bits, bits)] * 2]

    def finisher_memories(self) -> list[Memory]:
        """The states, p among them; and z, until n is there."""
        z = self.layer.state.bits * self.folding.finishers
        return [*super().finisher_memories(), Memory(z, self.schedule.step_beats, written=True)]


PLAN = GRUResetBeforePlan

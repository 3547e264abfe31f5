"""The plan of a JK engine."""

from __future__ import annotations

from ffhw.hdl.engines.plans.recurrent import RecurrentPlan


class JKPlan(RecurrentPlan):
    """Cycles and resources of :class:`ffhw.hdl.engines.jk.JKCell`."""

    cell_stages = 4  # look up, J and K, multiply, sum

    def finisher_products(self) -> list[tuple[int, int]]:
        """J by NOT H, and NOT K by H."""
        bits = self.layer.state.bits
        return [(bits, bits)] * 2


PLAN = JKPlan

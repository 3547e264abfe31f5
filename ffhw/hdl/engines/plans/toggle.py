"""The plan of a toggle engine."""

from __future__ import annotations

from ffhw.hdl.engines.plans.recurrent import RecurrentPlan


class TogglePlan(RecurrentPlan):
    """Cycles and resources of :class:`ffhw.hdl.engines.toggle.ToggleCell`."""

    cell_stages = 4  # look up, T, multiply, sum

    def finisher_products(self) -> list[tuple[int, int]]:
        """T by NOT H, and NOT T by H."""
        bits = self.layer.state.bits
        return [(bits, bits)] * 2


PLAN = TogglePlan

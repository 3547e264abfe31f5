"""The plan of a CTRNN engine."""

from __future__ import annotations

from ffhw.hdl.engines.plans.recurrent import RecurrentPlan
from ffhw.layers.ctrnn import CTRNNLayer


class CTRNNPlan(RecurrentPlan):
    """Cycles and resources of :class:`ffhw.hdl.engines.ctrnn.CTRNNCell`."""

    layer: CTRNNLayer
    cell_stages = 4  # look up, n, multiply, sum

    def finisher_products(self) -> list[tuple[int, int]]:
        """A by N, and NOT A by H: constants, which are built of adders."""
        return []


PLAN = CTRNNPlan

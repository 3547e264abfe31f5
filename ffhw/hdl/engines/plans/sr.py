"""The plan of an SR engine."""

from __future__ import annotations

from ffhw.hdl.engines.plans.recurrent import RecurrentPlan
from ffhw.layers.sr import SRLayer


class SRPlan(RecurrentPlan):
    """Cycles and resources of :class:`ffhw.hdl.engines.sr.SRCell`."""

    layer: SRLayer
    cell_stages = 7  # look up, S and R, multiply and round (3) what S = R = 1 does, multiply, sum

    def finisher_products(self) -> list[tuple[int, int]]:
        """J by NOT H, and NOT K by H; before that S by NOT R, or R by NOT S, or both."""
        bits = self.layer.state.bits
        return [(bits, bits)] * (4 if self.layer.both == "hold" else 3)


PLAN = SRPlan

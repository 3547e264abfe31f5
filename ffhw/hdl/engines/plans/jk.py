"""The plan of a JK engine."""

from __future__ import annotations

from ffhw.hdl.plan.weighted import WeightedPlan, banks


class JKPlan(WeightedPlan):
    """Cycles and resources of :class:`ffhw.hdl.engines.jk.JKEngine`."""

    @property
    def finish_stages(self) -> int:
        """Add bias, look up, J and K, multiply, sum."""
        return 5

    def finisher_products(self) -> list[tuple[int, int]]:
        """J by NOT H, and NOT K by H."""
        bits = self.layer.output.bits + 1
        return [(bits, bits)] * 2

    def finisher_memories(self) -> list[tuple[int, int]]:
        """The states, as vectors in two banks and unit by unit."""
        bits = self.layer.output.bits
        return [
            (bits * self.folding.simd, banks(self.schedule.h_words)),
            (bits * self.folding.finishers, self.schedule.step_beats),
        ]


PLAN = JKPlan

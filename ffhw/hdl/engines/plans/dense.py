"""The plan of a dense engine."""

from __future__ import annotations

from ffhw.hdl.plan.weighted import WeightedPlan
from ffhw.layers.dense import DenseLayer
from ffhw.numbers.tables import Sigmoid, Table


class DensePlan(WeightedPlan):
    """Cycles and resources of :class:`ffhw.hdl.engines.dense.DenseEngine`."""

    layer: DenseLayer

    @property
    def serial(self) -> bool:  # type: ignore[override]
        """Candidates for the largest output are compared one after the other."""
        return self.layer.activation == "argmax"

    @property
    def finish_stages(self) -> int:
        """Add bias; then look up or compare."""
        return {"linear": 1, "relu": 1, "sigmoid": 2, "argmax": 2}[self.layer.activation]

    def lookups(self) -> list[Table]:
        """The sigmoid."""
        return [Sigmoid(self.layer.output.bits)] if self.layer.activation == "sigmoid" else []


PLAN = DensePlan

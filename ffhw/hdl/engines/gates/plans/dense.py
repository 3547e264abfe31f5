"""The plan of a dense engine of gates."""

from __future__ import annotations

from ffhw.hdl.plan.gates import GatesPlan
from ffhw.hdl.plan.memory import Memory
from ffhw.hdl.plan.weighted import stored
from ffhw.layers.dense import DenseLayer
from ffhw.numbers.tables import Sigmoid


class DenseGatesPlan(GatesPlan):
    """Of :class:`ffhw.hdl.engines.gates.dense.DenseGates`."""

    layer: DenseLayer

    @property
    def stages(self) -> int:  # type: ignore[override]
        """Sums; then look up or compare."""
        return {"linear": 1, "relu": 1, "sigmoid": 2, "argmax": 2}[self.layer.activation]

    def memories(self) -> list[Memory]:
        """The sigmoid's table, which every unit looks up each cycle."""
        if self.layer.activation != "sigmoid":
            return []
        return [stored(Sigmoid(self.layer.output.bits), self.layer.units)]


PLAN = DenseGatesPlan

"""The plan of a dense engine of gates."""

from __future__ import annotations

from ffhw.hdl.plan.gates import GatesPlan
from ffhw.layers.dense import DenseLayer
from ffhw.numbers.tables import Sigmoid


class DenseGatesPlan(GatesPlan):
    """Of :class:`ffhw.hdl.engines.gates.dense.DenseGates`."""

    layer: DenseLayer

    @property
    def stages(self) -> int:  # type: ignore[override]
        """Sums; then look up or compare."""
        return {"linear": 1, "relu": 1, "sigmoid": 2, "argmax": 2}[self.layer.activation]

    def memories(self) -> list[tuple[int, int]]:
        """The sigmoid's table, two look-ups a memory and cycle."""
        if self.layer.activation != "sigmoid":
            return []
        table = Sigmoid(self.layer.output.bits)
        return [(table.bits, 1 << (table.index_bits - 1))] * -(-self.layer.units // 2)


PLAN = DenseGatesPlan

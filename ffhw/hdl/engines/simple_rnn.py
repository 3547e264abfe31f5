"""The engine of a SimpleRNN layer: a look-up."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module

from ffhw.hdl.datapath.interpolation import delayed
from ffhw.hdl.datapath.lookup_table import LookupTable
from ffhw.hdl.engines.recurrent import Cell, RecurrentEngine
from ffhw.hdl.plan.folding import Folding, schedule
from ffhw.layers.simple_rnn import SimpleRNNLayer
from ffhw.numbers.tables import Tanh


def engine(
    layer: SimpleRNNLayer, folding: Folding, after: Folding | None, input_width: int, keep_state: bool, probe: bool
) -> RecurrentEngine:
    """The engine of a layer at a folding."""
    return RecurrentEngine(
        layer=layer,
        plan=schedule(layer, folding),
        cell=SimpleRNNCell(layer, folding.finishers),
        input_width=input_width,
        keep_state=keep_state,
        probe=probe,
    )


class SimpleRNNCell(Cell):
    """Tanh units: ``acc`` in, new state out. Latency: 2 cycles. Throughput: all units a cycle."""

    latency = 2
    reads = ()

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.table = table = LookupTable(
            table=Tanh(self.layer.state.bits),
            acc_width=self.layer.acc_width,
            shifts=self.layer.gate_shifts * self.width,
        )
        m.d.comb += table.en.eq(self.en)
        for n in range(self.width):
            m.d.comb += [
                table.acc[n].eq(self.acc[n][0]),
                # H' = tanh(acc)
                self.h[n].eq(delayed(m, self.en, f"state_{n}", table.code[n], 1)),
            ]
        return m

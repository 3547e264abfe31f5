"""The plan of a SimpleRNN engine."""

from __future__ import annotations

from ffhw.hdl.engines.plans.recurrent import RecurrentPlan
from ffhw.layers.simple_rnn import SimpleRNNLayer


class SimpleRNNPlan(RecurrentPlan):
    """Cycles and resources of :class:`ffhw.hdl.engines.simple_rnn.SimpleRNNCell`."""

    layer: SimpleRNNLayer
    cell_stages = 2  # look up, h
    reads = ()


PLAN = SimpleRNNPlan

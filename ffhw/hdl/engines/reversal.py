"""The engine of a reversal: it stores a sequence and gives it from its end."""

from __future__ import annotations

from ffhw.hdl.datapath.beat import element_shape
from ffhw.hdl.datapath.reversal import Reversal
from ffhw.hdl.plan.folding import Folding
from ffhw.layers.reversal import ReversalLayer


def engine(
    layer: ReversalLayer, folding: None, after: Folding | None, input_width: int, keep_state: bool, probe: bool
) -> Reversal:
    """The engine of a layer: beats go out as they came in."""
    return Reversal(
        shape=element_shape(layer.input), width=input_width, beats=-(-layer.size // input_width), steps=layer.steps
    )

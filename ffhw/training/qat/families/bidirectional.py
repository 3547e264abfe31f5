"""Both directions and their merger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ffhw.layers.base import below
from ffhw.layers.bidirectional import BidirectionalLayer
from ffhw.training.qat.codes import Codes, Rounding
from ffhw.training.qat.families import recurrent
from ffhw.training.qat.steps import backwards


def run(layer: BidirectionalLayer, codes: Mapping[str, Any], x: Any, lengths: Any, rounding: Rounding) -> Any:
    """The layer's answers, see the folder's head."""
    ahead = recurrent.run(layer.ahead, below("ahead", codes), x, lengths, rounding)
    back = recurrent.run(layer.back, below("back", codes), backwards(x, lengths), lengths, rounding)
    if layer.return_sequences:
        back = backwards(back, lengths)
    merged: Any = layer.merged(Codes(ahead, rounding), Codes(back, rounding))  # type: ignore[arg-type]
    return merged.tensor

"""What all kinds of kernels are told of a neuron."""

from __future__ import annotations

import dataclasses

from ffhw.training.layers.loop import Slopes, Update


@dataclasses.dataclass(frozen=True)
class Neuron:
    """What stands still while a program is made; ``interpret``: a GPU's kernels operator by operator, on any device."""

    update: Update
    slopes: Slopes
    gates: int
    interpret: bool

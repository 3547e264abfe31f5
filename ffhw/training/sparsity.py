"""How sparse a trained Keras model is, on its task's test split: see :mod:`ffhw.model.sparsity`."""

from __future__ import annotations

from typing import Any

from ffhw.model.data import fit_data
from ffhw.model.quantize import quantize
from ffhw.model.sparsity import sparsity
from ffhw.numbers.scales import Widths
from ffhw.training.tasks.base import Task, Trained

# Sequences that are looked at; their states are many more.
SEQUENCES = 64
# Numbers that a layer gives for them at most: maps have many.
_MOST_NUMBERS = 1 << 24
# Of a model in floats, which states in integers are looked at.
BITS = 8


def measured(chosen: Task, trained: Trained) -> dict[str, Any] | None:
    """Shares of unchanged states and zero weights; None of a network that has no hardware yet.

    States in integers are those of ``bits`` bits, or of the formats that training has settled.
    """
    data = chosen.exports(trained.data)
    if data is None:
        return None
    # imported here: Keras is slow to load
    from ffhw.training.qat.convert import network_of

    network = network_of(trained.model)
    few = fit_data(data["x"], data["lengths"], None, network.signature, "the test split")
    few = few.head(min(SEQUENCES, network.at_once(few.x.shape[1], _MOST_NUMBERS)))
    integers = quantize(network, few.x, few.lengths, Widths(BITS))
    return {"bits": None if network.settled else BITS, "sequences": len(few.x), **sparsity(network, integers, few)}

"""A host's conversation with a board, every code of which is held against the golden model."""

from __future__ import annotations

import numpy as np

from ffhw.boards.host.device import Device
from ffhw.boards.identity import Identity
from ffhw.bundle import Bundle
from ffhw.errors import MismatchError
from ffhw.layers.base import Ints
from ffhw.sim.loads import random_loads, runs


def speak(bundle: Bundle, port: str, sequences: list[Ints], patience: float, identity: Identity | None = None) -> int:
    """Send sequences ``[T_i, D]`` to a board, random states before some where it keeps them; codes compared.

    Parameters
    ----------
    patience, identity: as :class:`Device` takes them.

    Raises
    ------
    MismatchError: an answer, or a state behind a sequence, is not the golden model's. LinkError: the board fails.
    """
    network, codes = bundle.network(), 0
    loads = random_loads(network, len(sequences), 1) if bundle.keep_state else {}
    named = {n: {network.layers[k].name: state for k, state in found.items()} for n, found in loads.items()}
    with Device(port, bundle=bundle, patience=patience, identity=identity) as device:
        answers = device.run_states(sequences, named)
    expected = runs(network, sequences, loads, keep_state=bundle.keep_state)
    for number, ((outputs, states), result) in enumerate(zip(answers, expected, strict=True)):
        wanted = result.outputs[0] if network.return_sequences else result.outputs
        pairs = {"output": (wanted, outputs)}
        pairs |= {f"state of {name}": (result.states[name][0], state) for name, state in states.items()}
        for what, (right, got) in pairs.items():
            wrong = np.argwhere(right != got) if right.shape == got.shape else [[0]]
            if len(wrong):
                raise MismatchError(f"through the serial pins, {what} of sequence {number} differs at {list(wrong[0])}")
            codes += right.size
    return codes

"""A board as a backend: the bundle's network on hardware, or on a simulated board, behind its serial link."""

from __future__ import annotations

import numpy as np

from ffhw.boards.host.device import BAUD, Device, Progress
from ffhw.bundle import Bundle
from ffhw.errors import InputError
from ffhw.layers.base import Ints


def run(
    bundle: Bundle, codes: Ints, lengths: Ints, port: str | None, baud: int = BAUD, progress: Progress | None = None
) -> Ints:
    """Output codes of the device, in the shapes of :func:`ffhw.model.golden.run`.

    Raises
    ------
    InputError: no port, another bundle on the device, or one that keeps its state. LinkError: the device fails.
    """
    if port is None:
        raise InputError("--backend board needs --port: ffhw board detect lists the ports there are")
    if bundle.keep_state:
        raise InputError(
            "--backend board needs a design that clears its state behind each sequence; use Device.run_states"
        )
    network = bundle.network()
    with Device(port, baud=baud, bundle=bundle) as device:
        answers = device.run([row[:n] for row, n in zip(codes, lengths, strict=True)], progress=progress)
    if not network.return_sequences:
        return np.concatenate(answers)
    outputs = np.zeros((len(codes), network.rhythm.steps(codes.shape[1]), network.output_size), np.int64)
    for row, answer in zip(outputs, answers, strict=True):
        row[: len(answer)] = answer
    return outputs

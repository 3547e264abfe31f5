"""The bundle's Verilog as a backend: compiled, and fed like any other."""

from __future__ import annotations

import numpy as np

from ffhw.bundle import Bundle
from ffhw.errors import InputError
from ffhw.layers.base import Ints
from ffhw.sim.batch import BatchSimulator
from ffhw.sim.compare import ports_of
from ffhw.sim.scenario import Interface


def run(bundle: Bundle, codes: Ints, lengths: Ints) -> Ints:
    """Output codes of the simulated RTL, in the shapes of :func:`ffhw.model.golden.run`.

    Raises
    ------
    InputError: the design keeps its state, so that one sequence's answer would depend on those before it.
    """
    if bundle.keep_state:
        raise InputError("--backend rtl needs a design that clears its state behind each sequence: use ffhw sim")
    network = bundle.network()
    interface = Interface(network, bundle.foldings())
    sequences = [row[:n] for row, n in zip(codes, lengths, strict=True)]
    answers = network.rhythm.steps(lengths)
    predicted = bundle.json("performance.json")["cycles_per_step"]
    result = BatchSimulator(bundle.rtl, ports_of(interface)).run(
        sequences, int(answers.sum()), cycles_per_step=predicted
    )
    if not network.return_sequences:
        return result.outputs
    outputs = np.zeros((len(codes), network.rhythm.steps(codes.shape[1]), network.output_size), np.int64)
    outputs[np.arange(outputs.shape[1]) < answers[:, None]] = result.outputs
    return outputs

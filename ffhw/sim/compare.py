"""Whole data sets through the batch driver, every code held against the golden model."""

from __future__ import annotations

import dataclasses

import numpy as np

from ffhw.errors import MismatchError
from ffhw.layers.base import Ints
from ffhw.model import golden
from ffhw.sim.batch import BatchRun, BatchSimulator, Ports
from ffhw.sim.loads import LoadStates, runs
from ffhw.sim.scenario import Interface, expected_answers


class BatchMismatch(MismatchError):
    """The RTL differs; ``sequence`` is the number of the sequence in which it first does."""

    sequence = 0


def ports_of(interface: Interface) -> Ports:
    """What the batch driver must know of a design."""
    states = interface.states if interface.keep_state else {}
    return Ports(interface.input, interface.output, interface.probes, states, interface.network.guarded)


def run_codes(interface: Interface, sequences: list[Ints]) -> dict[str, int]:
    """Codes that one comparison of these sequences covers: outputs, states given, signals of probed layers."""
    network = interface.network
    counts = {"outputs": network.output_size * sum(int(network.rhythm.steps(len(s))) for s in sequences)}
    if interface.keep_state:
        counts["states"] = len(sequences) * sum(layer.state_size for layer in network.stateful_layers)
    if interface.probe:
        counts["internals"] = _probed_codes(interface, sequences)
    return counts


def _probed_codes(interface: Interface, sequences: list[Ints]) -> int:
    """Codes that probes show."""
    lengths, codes = np.array([len(s) for s in sequences]), 0
    for layer in interface.network.layers:
        codes += int(lengths.sum()) * layer.signal_codes
        lengths = layer.rhythm.steps(lengths)
    return codes


@dataclasses.dataclass(frozen=True)
class Reference:
    """What the golden model gives: answers in order, and by layer number its signals and its states, as hardware shows.

    lengths: steps of each sequence at each of these layers.
    """

    answers: Ints
    traces: dict[int, dict[str, Ints]]
    states: dict[int, Ints]
    lengths: dict[int, Ints]


def reference(interface: Interface, sequences: list[Ints], loads: LoadStates | None) -> Reference:
    """The golden model's run of these sequences; with ``keep_state`` each starts from the loaded or carried states."""
    network = interface.network
    lengths, length = {}, np.array([len(s) for s in sequences])
    for number, layer in enumerate(network.layers):
        lengths[number] = length
        length = layer.rhythm.steps(length)
    if interface.keep_state:
        results = list(runs(network, sequences, loads, keep_state=True, trace=interface.probe))
        pairs = zip(sequences, results, strict=True)
        answers = np.concatenate([expected_answers(network, [sequence], result) for sequence, result in pairs])
        columns = {
            name: {signal: np.concatenate([r.traces[name][signal][0] for r in results]) for signal in trace}
            for name, trace in results[0].traces.items()
        }
        states = {n: np.concatenate([r.states[network.layers[n].name] for r in results]) for n in interface.states}
    else:
        codes, padded = golden.pad(sequences)
        result = golden.run(network, codes, padded, trace=interface.probe)
        answers = expected_answers(network, sequences, result)
        columns, states = {}, {}
        for number, layer in enumerate(network.layers):
            for signal, values in result.traces.get(layer.name, {}).items():
                active = np.arange(values.shape[1]) < lengths[number][:, None]
                columns.setdefault(layer.name, {})[signal] = values[active]
    traces = {n: columns[layer.name] for n, layer in enumerate(network.layers) if layer.name in columns}
    return Reference(answers, traces, states, lengths)


def compare_batch(
    simulator: BatchSimulator,
    interface: Interface,
    sequences: list[Ints],
    predicted: int,
    *,
    stalls: float = 0.0,
    seed: int = 1,
    loads: LoadStates | None = None,
) -> tuple[BatchRun, int]:
    """Stream sequences through the batch driver and compare every code; returns the run and the codes compared.

    Of sequences that the network cannot take, hardware's answers to them are expected, and their marks.

    Raises
    ------
    MismatchError: with the first difference.
    """
    network = interface.network
    taken = [golden.as_taken(network, sequence) for sequence in sequences]
    expected = reference(interface, taken, loads)
    run = simulator.run(
        sequences, len(expected.answers), stalls=stalls, seed=seed, cycles_per_step=predicted, loads=loads
    )
    for number, trace in expected.traces.items():
        for (name, values), got in zip(trace.items(), run.probes[number], strict=True):
            _compare(f"{name.upper()} of {network.layers[number].name}", values, got, expected.lengths[number])
    lengths = np.array([len(s) for s in taken])
    one = np.ones_like(lengths)
    answers = network.rhythm.steps(lengths)
    _compare("output", expected.answers, run.outputs, answers)
    lasts = np.zeros(len(expected.answers), np.int64)
    lasts[np.cumsum(answers) - 1] = 1
    _compare("tlast", lasts[:, None], run.last[:, None], answers)
    marks = np.zeros_like(lasts)
    marks[lasts == 1] = lengths != [len(s) for s in sequences]
    _compare("tuser", marks[:, None], run.marks[:, None], answers)
    for number, states in expected.states.items():
        _compare(f"state of {network.layers[number].name}", states, run.states[number], one)
    return run, sum(run_codes(interface, taken).values())


def _compare(what: str, expected: Ints, got: Ints, lengths: Ints) -> None:
    """Hold vectors against each other; ``lengths`` says how many of them each sequence has."""
    if expected.shape != got.shape:
        raise MismatchError(f"{what}: expected {len(expected)} vectors, got {len(got)}")
    wrong = np.argwhere(expected != got)
    if len(wrong):
        row, unit = wrong[0]
        ends = np.cumsum(lengths)
        sequence = int(np.searchsorted(ends, row, side="right"))
        step = int(row - (ends[sequence] - lengths[sequence]))
        error = BatchMismatch(
            f"RTL and golden model differ in {len(wrong)} of {expected.size} codes, first in sequence {sequence} "
            f"at step {step}, signal {what} {unit}: expected {expected[row, unit]}, got {got[row, unit]}"
        )
        error.sequence = sequence
        raise error

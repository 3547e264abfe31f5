"""Beats that were seen at a core's ports, and what the golden model says to them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ffhw.errors import MismatchError
from ffhw.layers.base import Ints
from ffhw.model import golden
from ffhw.numbers.beats import Packing
from ffhw.sim.scenario import Interface

# Steps that may be under way in each layer when a run is cut off: buffers of two, and some more.
STEPS_UNDER_WAY = 4
# A cycle that no run comes to.
NEVER = np.iinfo(np.int64).max


@dataclasses.dataclass(frozen=True)
class Beats:
    """The whole vectors that passed a port.

    Parameters
    ----------
    codes: ``[vectors, size]``. last: ``tlast`` of each one's final beat. first, final: cycles in which its first and
        its final beat passed.
    """

    codes: Ints
    last: NDArray[np.bool_]
    first: Ints
    final: Ints

    @classmethod
    def read(cls, path: Path, packing: Packing, sink: bool) -> Beats:
        """From a file of records: cycle (64 bits), ``tdata``, a byte that is 1 with ``tlast``.

        Parameters
        ----------
        sink: the core takes these beats, and reads of each slot no more bits than a code has.

        Raises
        ------
        MismatchError: ``tlast`` came with a beat that is not a vector's final one.
        """
        raw = np.fromfile(path, np.uint8).reshape(-1, 8 + packing.beat_bytes + 1)
        raw = raw[: len(raw) // packing.beats * packing.beats]
        cycles = np.ascontiguousarray(raw[:, :8]).view("<u8").astype(np.int64).reshape(-1, packing.beats)
        last = raw[:, -1].astype(bool).reshape(-1, packing.beats)
        early = np.argwhere(last[:, :-1])
        if len(early):
            vector, beat = early[0]
            raise MismatchError(
                f"{path.stem} has tlast with beat {beat} of vector {vector}, {packing.beats} beats are due"
            )
        codes = packing.unpack(raw[:, 8:-1])
        if sink:
            bits = packing.format.bits
            codes &= (1 << bits) - 1
            if packing.format.signed:
                codes -= (codes >> (bits - 1)) << bits
        return cls(codes, last[:, -1], cycles[:, 0], cycles[:, -1])


@dataclasses.dataclass(frozen=True)
class Observation:
    """A run of a core.

    Parameters
    ----------
    beats: by port. cycles: that it took.
    complete: all answers must be there; otherwise the run was cut off, and what was under way is missing.
    """

    interface: Interface
    beats: dict[str, Beats]
    cycles: int
    complete: bool

    def compare(self, where: str, pace: int, latency: int) -> int:
        """Codes compared, all equal to the golden model's.

        Parameters
        ----------
        where: what the run was, for messages.
        pace, latency: cycles a step and of a lone step, stalls included, which tell how many answers may be missing
            from a run that was cut off.

        Raises
        ------
        MismatchError: with the first difference.
        """
        under_way = 2 * (latency + STEPS_UNDER_WAY * pace * len(self.interface.network.layers))
        until = self.cycles if self.complete else self.cycles - under_way
        compared = 0
        for port, (codes, last, asked) in self._expected().items():
            due = int((asked < until).sum())
            compared += _compare(f"{where}, {port}", codes, last, self.beats[port], due)
        if compared == 0:
            raise MismatchError(f"{where}: nothing was answered in {self.cycles:,} cycles")
        return compared

    def _expected(self) -> dict[str, tuple[Ints, NDArray[np.bool_], Ints]]:
        """For each output: vectors, ``tlast`` of each, and the cycle in which the last input it needs was accepted."""
        network, inputs = self.interface.network, self.beats["s_axis"]
        sequences = _split(inputs)
        whole = [index for index, (_, stop) in enumerate(sequences) if inputs.last[stop - 1]]
        results, states = self._golden(sequences)
        ends = np.array([inputs.final[sequences[index][1] - 1] for index in whole], np.int64)
        given = [self._answers(*sequence, codes) for sequence, codes in zip(sequences, results, strict=True)]
        none = (np.zeros((0, network.output_size), np.int64), np.zeros(0, bool), np.zeros(0, np.int64))
        codes, last, asked = (np.concatenate(parts) for parts in zip(none, *given, strict=True))
        expected = {"m_axis": (codes, last, asked)}
        for number in self.interface.states if self.interface.keep_state else ():
            name, size = network.layers[number].name, network.layers[number].state_size
            codes = np.array([states[index][name][0] for index in whole], np.int64).reshape(-1, size)
            expected[f"m_axis_state_{number}"] = (codes, np.ones(len(whole), bool), ends)
        return expected

    def _answers(self, start: int, stop: int, codes: Ints) -> tuple[Ints, NDArray[np.bool_], Ints]:
        """Of ``codes``, what the vectors ``start`` to ``stop`` are answered with, as in :meth:`_expected`."""
        rhythm, most = self.interface.network.rhythm, self.interface.network.max_steps
        inputs = self.beats["s_axis"]
        steps, ended = stop - start, bool(inputs.last[stop - 1])
        if most is not None and steps >= most:
            steps, ended = most, True
        # of a sequence that has not ended, what its steps so far are answered with
        so_far = 0 if rhythm.once else int(rhythm.steps(steps))
        count = len(codes) if ended else so_far
        last = np.zeros(count, bool)
        last[count - 1 :] = ended
        # whether an answer is the last one shows before its successor is due, or when the sequence ends
        known = rhythm.lead + rhythm.stride * np.arange(1, count + 1) - 1
        cycles = np.append(inputs.final[start : start + steps], np.full(rhythm.stride, NEVER))
        if ended:
            known = np.minimum(known, steps - 1)
            known[-1:] = steps - 1
        return codes[:count], last, cycles[known]

    def _golden(self, sequences: list[tuple[int, int]]) -> tuple[list[Ints], list[dict[str, Ints]]]:
        """The golden model's output vectors of each sequence, and the states behind it."""
        network, inputs = self.interface.network, self.beats["s_axis"]
        parts = [golden.as_taken(network, inputs.codes[start:stop]) for start, stop in sequences]
        if not parts:
            return [], []
        if not self.interface.keep_state:
            codes, lengths = golden.pad(parts)
            outputs = golden.run(network, codes, lengths).outputs
            if not network.return_sequences:
                return list(outputs[:, None]), []
            return [out[:n] for out, n in zip(outputs, network.rhythm.steps(lengths), strict=True)], []
        results, behind = [], []
        states: dict[str, Ints] = {}
        sent = dict.fromkeys(self.interface.states, 0)
        for (start, _), part in zip(sequences, parts, strict=True):
            for number in sent:
                # a state belongs to the sequence before which it was sent
                loads = self.beats[f"s_axis_state_{number}"]
                while sent[number] < len(loads.codes) and loads.first[sent[number]] < inputs.first[start]:
                    states = {**states, network.layers[number].name: loads.codes[sent[number]][None]}
                    sent[number] += 1
            result = golden.run(network, part[None], states=states)
            states = result.states
            results.append(result.outputs[0] if network.return_sequences else result.outputs)
            behind.append(states)
        return results, behind


def _split(inputs: Beats) -> list[tuple[int, int]]:
    """First vector of each sequence and the one behind its last; the sequence at the end may be unfinished."""
    ends = [int(n) + 1 for n in np.flatnonzero(inputs.last)]
    if not ends or ends[-1] < len(inputs.last):
        ends.append(len(inputs.last))
    return [(start, stop) for start, stop in zip([0, *ends], ends, strict=False) if stop > start]


def _compare(what: str, codes: Ints, last: NDArray[np.bool_], got: Beats, due: int) -> int:
    """Codes that a port gave, all as expected."""
    count = len(got.codes)
    wrong = np.argwhere(codes[:count] != got.codes[: len(codes)])
    if len(wrong):
        vector, unit = wrong[0]
        raise MismatchError(
            f"{what}: {len(wrong)} of {codes[:count].size} codes differ, first in vector {vector}, element {unit}: "
            f"expected {codes[vector, unit]}, got {got.codes[vector, unit]}"
        )
    ends = np.flatnonzero(last[:count] != got.last[: len(last)])
    if len(ends):
        raise MismatchError(f"{what}: expected tlast {int(last[ends[0]])} with vector {ends[0]}, got the opposite")
    if not due <= count <= len(codes):
        raise MismatchError(f"{what}: expected {due} to {len(codes)} vectors, got {count}")
    return got.codes.size

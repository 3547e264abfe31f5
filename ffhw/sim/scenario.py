"""What a simulation sends and what it must get back, computed by the golden model."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from ffhw.hdl.plan.chain import input_width, output_width, plans
from ffhw.hdl.plan.folding import Folding
from ffhw.layers.base import Ints, Trace
from ffhw.model import golden
from ffhw.model.network import Network
from ffhw.numbers.beats import Packing
from ffhw.sim.loads import LoadStates, runs


@dataclasses.dataclass(frozen=True)
class Probe:
    """What a layer shows of itself.

    Parameters
    ----------
    number: of the layer; part: of it, empty for the layer itself.
    signals: whether the codes of each have a sign, by name. bits: of a code as it is shown.
    units: N; width: units shown at once.
    """

    number: int
    part: str
    signals: dict[str, bool]
    bits: int
    units: int
    width: int

    @classmethod
    def of(cls, number: int, part: str, layer: Any, width: int) -> Probe:
        """The probe of a layer that shows ``width`` units at once."""
        signed = {name: fmt.signed for name, fmt in layer.signal_formats.items()}
        return cls(number, part, signed, layer.signal_bits, layer.units, width)

    @property
    def key(self) -> str:
        """Its name among the ports, ``probe_<key>_<signal>``."""
        return f"{self.part}_{self.number}" if self.part else str(self.number)

    @property
    def beats(self) -> int:
        """Cycles in which a step is shown."""
        return -(-self.units // self.width)


@dataclasses.dataclass(frozen=True)
class Interface:
    """Ports of a design: how its vectors travel."""

    network: Network
    foldings: tuple[Folding | None, ...]
    keep_state: bool = False
    probe: bool = False

    @property
    def input(self) -> Packing:
        """Of ``s_axis``."""
        return Packing(self.network.input, self.network.input_size, input_width(self.network, self.foldings))

    @property
    def output(self) -> Packing:
        """Of ``m_axis``."""
        return Packing(self.network.output, self.network.output_size, output_width(self.network, self.foldings))

    @property
    def states(self) -> dict[int, Packing]:
        """Of the state ports, by layer number."""
        return {
            number: Packing(plan.layer.state_format, plan.layer.state_size, plan.state_width)
            for number, plan in enumerate(plans(self.network, self.foldings))
            if plan.state_width
        }

    @property
    def probes(self) -> tuple[Probe, ...]:
        """Of the layers that show their signals."""
        return tuple(
            Probe.of(number, *shown)
            for number, plan in enumerate(plans(self.network, self.foldings))
            for shown in plan.probes
            if self.probe
        )


def expected_answers(network: Network, sequences: Sequence[Ints], result: golden.Result | None = None) -> Ints:
    """Output vectors in the order in which hardware gives them: ``[answers, outputs]``."""
    codes, lengths = golden.pad(sequences)
    result = result or golden.run(network, codes, lengths)
    if not network.return_sequences:
        return result.outputs
    answers = network.rhythm.steps(lengths)
    return np.concatenate([out[:n] for out, n in zip(result.outputs, answers, strict=True)])


def build_scenario(
    interface: Interface,
    sequences: Sequence[Ints],
    *,
    cycles_per_step: int,
    stalls: float = 0.0,
    seed: int = 1,
    reset_after: int = 0,
    load_states: LoadStates | None = None,
    parallel: bool = False,
) -> dict[str, Any]:
    """Scenario for :mod:`ffhw.sim.stream_bench`.

    Parameters
    ----------
    sequences: input codes ``[T_i, D]``, sent back to back; of those that the network cannot take, hardware's answers
        are expected, and their marks.
    load_states: states to load before a sequence (``keep_state``).
    reset_after: abandon a first attempt with a reset after this many accepted beats.
    parallel: ports do not wait for each other more than they have to.
    """
    network = interface.network
    program: list[list[Any]] = []
    expected: dict[str, list[list[int]]] = {"m_axis": []}
    probes: dict[str, dict[str, Any]] = {}
    for number in interface.states:
        if interface.keep_state:
            expected[f"m_axis_state_{number}"] = []
    for probe in interface.probes:
        probes[probe.key] = {"signals": list(probe.signals), "expected": []}
    taken = [golden.as_taken(network, np.asarray(sequence)) for sequence in sequences]
    marks = [int(len(used) != len(sequence)) for used, sequence in zip(taken, sequences, strict=True)]
    results = runs(network, taken, load_states, keep_state=interface.keep_state, trace=interface.probe)
    for index, (sequence, used, result) in enumerate(zip(sequences, taken, results, strict=True)):
        for number, state in (load_states or {}).get(index, {}).items():
            program += _beats(f"s_axis_state_{number}", interface.states[number], state[None])
        program += _beats("s_axis", interface.input, np.asarray(sequence))
        answers = expected_answers(network, [used], result)
        expected["m_axis"] += _expected(interface.output, answers)
        for number, packing in interface.states.items():
            name = network.layers[number].name
            if interface.keep_state:
                expected[f"m_axis_state_{number}"] += _expected(packing, result.states[name])
        for probe in interface.probes:
            probes[probe.key]["expected"] += _probed(probe, result.traces[network.layers[probe.number].name])
    slack = (1.0 / max(1e-3, 1.0 - stalls)) ** 2
    steps = sum(len(s) for s in sequences)
    beats = interface.input.beats + interface.output.beats + sum(p.beats for p in interface.states.values())
    inputs = ["s_axis"] + ([f"s_axis_state_{number}" for number in interface.states] if interface.keep_state else [])
    return {
        "inputs": inputs,
        "program": program,
        "parallel": parallel,
        "expected": expected,
        "marks": marks if network.guarded else [],
        "probes": probes,
        "stalls": stalls,
        "seed": seed,
        "reset_after": reset_after,
        "limit": int(slack * (steps + 10) * (cycles_per_step + beats) * 2) + 10_000 + 500 * len(sequences),
    }


def _beats(port: str, packing: Packing, vectors: Ints) -> list[list[Any]]:
    data, last = packing.pack_sequences([vectors])
    return [[port, int.from_bytes(beat.tobytes(), "little"), int(ends)] for beat, ends in zip(data, last, strict=True)]


def _expected(packing: Packing, vectors: Ints) -> list[list[int]]:
    """Beats, ``tlast`` and the bits that count, of the vectors of one sequence."""
    counting = packing.pack(np.full_like(vectors, -1))
    return [
        [data, last, int.from_bytes(mask.tobytes(), "little")]
        for (_, data, last), mask in zip(_beats("", packing, vectors), counting, strict=True)
    ]


def _probed(probe: Probe, trace: Trace) -> list[list[int]]:
    """Each signal and the bits that count, of each group of finished units of one sequence."""
    rows = []
    bits, width = probe.bits, probe.width
    shown = [trace[f"{probe.part}_{signal}" if probe.part else signal][0] for signal in probe.signals]
    for step in zip(*shown, strict=True):
        for start in range(0, probe.units, width):
            units = range(start, min(start + width, probe.units))
            codes = [sum((int(v[u]) & ((1 << bits) - 1)) << ((u - start) * bits) for u in units) for v in step]
            rows.append([*codes, (1 << (len(units) * bits)) - 1])
    return rows

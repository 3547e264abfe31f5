"""Simulating a bundle: the test vectors under cocotb, or a whole data set through the batch driver."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ffhw.bundle import Bundle
from ffhw.errors import InputError, MismatchError, ToolError
from ffhw.export import VECTORS, generate
from ffhw.layers.base import Ints
from ffhw.model import golden
from ffhw.model.network import Network
from ffhw.processes import scratch_folder
from ffhw.sim.batch import BatchRun, BatchSimulator, Ports, Probe
from ffhw.sim.cocotb_runner import BenchMismatch, CocotbSimulator
from ffhw.sim.scenario import Interface, build_scenario, expected_answers
from ffhw.sim.tools import SIMULATORS

Step = Callable[[str], None]
# Steps after which a design's pace is taken to be steady, where sequences are short.
RUN_UP = 8
# Cycles of one pass under cocotb, about ten seconds: more is what the batch driver is for.
COCOTB_CYCLES = 150_000
# Cycles spent on measuring the pace where the compiled driver can afford it.
LONG_RUN_CYCLES = 2_000_000


@dataclasses.dataclass(frozen=True)
class Check:
    """What `ffhw sim` was asked for; see its help."""

    simulator: str = "verilator"
    every: bool = False
    stalls: float = 0.3
    seed: int = 1
    internals: bool = False
    waves: bool = False

    def __post_init__(self) -> None:
        if self.simulator not in SIMULATORS:
            raise InputError(f"--sim must be one of {', '.join(SIMULATORS)}, not {self.simulator!r}")
        if not 0.0 <= self.stalls < 1.0:
            raise InputError(f"--stalls must be at least 0 and below 1, not {self.stalls!r}")
        if self.every and self.simulator != "verilator":
            raise InputError("--all needs --sim verilator: only its compiled driver is fast enough")


def simulate(path: Path, check: Check, step: Step = lambda _: None) -> dict[str, Any]:
    """Simulate a bundle and write ``results/sim-<simulator>.json`` or ``results/sim-all.json``.

    Raises
    ------
    MismatchError: RTL and golden model differ, or the cycles differ from the prediction.
    """
    bundle = Bundle.open(path)
    network, foldings = bundle.network(), bundle.foldings()
    vectors = bundle.vectors()
    lengths = vectors["lengths"].astype(np.int64)
    count = len(lengths) if check.every else min(VECTORS, len(lengths))
    sequences = [codes[:n].astype(np.int64) for codes, n in zip(vectors["codes"][:count], lengths[:count], strict=True)]
    _check_vectors(network, vectors, count)
    predicted = bundle.json("performance.json")["cycles_per_step"]
    if not check.every:
        sequences = within_budget(sequences, COCOTB_CYCLES // predicted)
    interface = Interface(network, foldings, bundle.keep_state, check.internals)
    with scratch_folder("rtl") as folder:
        rtl = bundle.rtl
        if check.internals:
            step("generating the RTL with probes")
            rtl = folder
            for name, text in generate(network, foldings, bundle.keep_state, probe=True).items():
                (rtl / name).write_text(text)
        runner = _batch if check.every else _cocotb
        result = runner(bundle, rtl, interface, sequences, predicted, check, step)
    result = {
        "simulator": check.simulator,
        "internals": check.internals,
        "sequences": len(sequences),
        "steps": int(sum(len(s) for s in sequences)),
        "predicted_cycles_per_step": predicted,
        **result,
    }
    if result["cycles_per_step"] not in (None, predicted):
        raise MismatchError(f"{result['cycles_per_step']} cycles a step were measured, {predicted} predicted")
    name = "sim-all" if check.every else f"sim-{check.simulator}"
    return {**result, "file": str(bundle.add_result(name, result))}


def within_budget(sequences: list[Ints], steps: int) -> list[Ints]:
    """The first sequences of together at most ``steps`` steps, the last one cut to fit; at least 16 steps are kept."""
    left, kept = max(steps, 16), []
    for sequence in sequences:
        if left <= 0:
            break
        kept.append(sequence[:left])
        left -= len(sequence)
    return kept


def _check_vectors(network: Network, vectors: dict[str, Any], count: int) -> None:
    """The stored answers must be this golden model's: they are what other tools will be compared with."""
    outputs = golden.run(network, vectors["codes"][:count], vectors["lengths"][:count]).outputs
    if not np.array_equal(outputs, vectors["expected"][:count]):
        raise MismatchError("the bundle's test vectors are not the golden model's: export the model again")


def _cocotb(
    bundle: Bundle, rtl: Path, interface: Interface, sequences: list[Ints], predicted: int, check: Check, step: Step
) -> dict[str, Any]:
    step(f"building the simulation with {check.simulator}")
    simulator = CocotbSimulator(rtl, check.simulator, waves=check.waves)
    cycles = compared = 0
    interval = None
    for stalls in (0.0, check.stalls):
        steps = sum(len(s) for s in sequences)
        step(f"comparing {len(sequences)} sequences of {steps} steps, {stalls:.0%} stalls")
        scenario = build_scenario(interface, sequences, cycles_per_step=predicted, stalls=stalls, seed=check.seed)
        waves = bundle.results_folder() / "waves" if check.waves else None
        try:
            run = simulator.run(scenario, waves)
        except BenchMismatch as mismatch:
            raise _explain(bundle, rtl, interface, scenario, mismatch, check) from None
        cycles += run.cycles
        # a beat carries several codes, a probe as well
        compared += sum(run_codes(interface, sequences).values())
        if stalls == 0.0:
            interval = steady_interval(np.array(run.in_cycles), interface.input.beats, sequences, predicted)
    return {"compared": compared, "cycles": cycles, "cycles_per_step": interval, "stalls": check.stalls}


def run_codes(interface: Interface, sequences: list[Ints]) -> dict[str, int]:
    """Codes that one comparison of these sequences covers: outputs, and signals of probed layers."""
    steps = sum(len(s) for s in sequences)
    network = interface.network
    counts = {"outputs": network.output_size * (steps if network.return_sequences else len(sequences))}
    if interface.probe:
        counts["internals"] = steps * sum(len(layer.signals) * layer.state_size for layer in network.stateful_layers)
    return counts


def steady_interval(in_cycles: Ints, beats: int, sequences: list[Ints], predicted: int) -> int | None:
    """Cycles between steps in the steady state, from the cycles in which input beats were accepted.

    Looks at the steps of each sequence behind its first :data:`RUN_UP`, and at nothing faster than predicted: while
    the buffers between engines fill, the first engine keeps its own, faster pace. None where the sequences are too
    short to tell.
    """
    begins = in_cycles[::beats]
    ends = np.cumsum([len(s) for s in sequences])
    starts = ends - [len(s) for s in sequences]
    gaps = np.concatenate([np.diff(begins[a + RUN_UP : b]) for a, b in zip(starts, ends, strict=True)])
    slowest = int(gaps.max()) if len(gaps) >= 4 else 0
    return slowest if slowest >= predicted else None


def measure_interval(simulator: BatchSimulator, interface: Interface, sequences: list[Ints], predicted: int) -> int:
    """Cycles between steps at the end of one long sequence, made of the given ones' steps.

    Raises
    ------
    MismatchError: the pace has not settled by then.
    """
    steps = int(np.clip(LONG_RUN_CYCLES // predicted, 48, 400))
    codes = np.resize(np.concatenate(sequences), (steps, interface.input.size))
    run, _ = compare_batch(simulator, interface, [codes], predicted)
    gaps = np.unique(np.diff(run.in_cycles[:: interface.input.beats])[-8:])
    if len(gaps) != 1:
        raise MismatchError(f"the pace did not settle in {steps} steps: the last ones took {gaps.tolist()} cycles")
    return int(gaps[0])


def _explain(
    bundle: Bundle, rtl: Path, interface: Interface, scenario: dict[str, Any], mismatch: BenchMismatch, check: Check
) -> MismatchError:
    """The mismatch in the user's terms, with a wave file beside it."""
    details = mismatch.details
    target = bundle.results_folder() / f"mismatch-{check.simulator}"
    note = ""
    try:
        CocotbSimulator(rtl, check.simulator, waves=True).run(scenario, target)
    except MismatchError:
        found = sorted(target.parent.glob(f"{target.name}.*"))
        note = f"; waves in {found[-1]}" if found else ""
    except ToolError as error:
        note = f"; no waves, {error}"
    port = details["signal"]
    packing = (
        interface.output
        if port == "m_axis"
        else interface.states.get(int(port.split("_")[1]) if "probe" in port else -1)
    )
    where = f"step {details['beat'] // packing.beats}" if packing else f"beat {details['beat']}"
    expected, got = details["expected"], details["got"]
    if port == "m_axis" and isinstance(expected, list) and isinstance(got, list):
        expected, got = (_describe_beat(interface, beat) for beat in (expected, got))
    return MismatchError(
        f"RTL and golden model differ at {where}, signal {port}, cycle {details['cycle']}: "
        f"expected {expected}, got {got}{note}"
    )


def _describe_beat(interface: Interface, beat: list[int]) -> str:
    packing = dataclasses.replace(interface.output, size=interface.output.width)
    data = np.frombuffer(int(beat[0]).to_bytes(packing.beat_bytes, "little"), np.uint8)
    codes = packing.unpack(data[None])[0].tolist()
    return f"{codes[0] if len(codes) == 1 else codes}{' with tlast' if beat[1] else ''}"


def _batch(
    bundle: Bundle, rtl: Path, interface: Interface, sequences: list[Ints], predicted: int, check: Check, step: Step
) -> dict[str, Any]:
    if interface.keep_state:
        raise InputError("--all needs a design that clears its state behind each sequence, not one with --keep-state")
    step("compiling the RTL with Verilator")
    simulator = BatchSimulator(rtl, ports_of(interface))
    if check.waves:
        step("writing waves of the first sequence")
        _batch_waves(rtl, interface, sequences[0], predicted, bundle.results_folder() / "waves.vcd")
    step(f"streaming {len(sequences)} sequences, {sum(len(s) for s in sequences):,} steps")
    begin = time.monotonic()
    try:
        run, codes = compare_batch(simulator, interface, sequences, predicted, seed=check.seed)
    except BatchMismatch as mismatch:
        target = bundle.results_folder() / "mismatch-all.vcd"
        _batch_waves(rtl, interface, sequences[mismatch.sequence], predicted, target)
        raise BatchMismatch(f"{mismatch}; waves of that sequence in {target}") from None
    seconds = time.monotonic() - begin
    return {
        "compared": codes,
        "cycles": run.cycles,
        "cycles_per_step": measure_interval(simulator, interface, sequences, predicted),
        "stalls": 0.0,
        "seconds": round(seconds, 3),
        "cycles_per_second": round(run.cycles / seconds),
    }


def _batch_waves(rtl: Path, interface: Interface, sequence: Ints, predicted: int, target: Path) -> None:
    """Write the waveforms of one sequence, whatever its answers are."""
    simulator = BatchSimulator(rtl, ports_of(interface), waves=True)
    answers = len(sequence) if interface.network.return_sequences else 1
    # a design that answers wrongly may also stop answering: the waves up to there are what is wanted
    with contextlib.suppress(MismatchError):
        simulator.run([sequence], answers, cycles_per_step=predicted, waves=target)


def ports_of(interface: Interface) -> Ports:
    """What the batch driver must know of a design."""
    layers = interface.network.layers
    probes = [Probe(n, packing, layers[n].signals) for n, packing in interface.states.items() if interface.probe]
    return Ports(interface.input, interface.output, tuple(probes))


def compare_batch(
    simulator: BatchSimulator,
    interface: Interface,
    sequences: list[Ints],
    predicted: int,
    *,
    stalls: float = 0.0,
    seed: int = 1,
) -> tuple[BatchRun, int]:
    """Stream sequences through the batch driver and compare every code; returns the run and the codes compared.

    Raises
    ------
    MismatchError: with the first difference.
    """
    network = interface.network
    codes, lengths = golden.pad(sequences)
    reference = golden.run(network, codes, lengths, trace=interface.probe)
    expected = expected_answers(network, sequences, reference)
    run = simulator.run(sequences, len(expected), stalls=stalls, seed=seed, cycles_per_step=predicted)
    for number, layer in enumerate(network.layers):
        if number not in run.probes:
            continue
        trace = reference.traces[layer.name]
        active = np.arange(codes.shape[1]) < lengths[:, None]
        for (name, values), got in zip(trace.items(), run.probes[number], strict=True):
            _compare(f"{name.upper()} of {layer.name}", values[active], got, lengths)
    answers = lengths if network.return_sequences else np.ones_like(lengths)
    _compare("output", expected, run.outputs, answers)
    ends = np.cumsum(lengths) - 1 if network.return_sequences else np.arange(len(sequences))
    lasts = np.zeros(len(expected), np.int64)
    lasts[ends] = 1
    _compare("tlast", lasts[:, None], run.last[:, None], answers)
    return run, sum(run_codes(interface, sequences).values())


class BatchMismatch(MismatchError):
    """The RTL differs; ``sequence`` is the number of the sequence in which it first does."""

    sequence = 0


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

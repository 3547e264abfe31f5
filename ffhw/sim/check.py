"""Simulating a bundle: the test vectors under cocotb, or a whole data set through the batch driver."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
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
from ffhw.sim.batch import BatchSimulator
from ffhw.sim.cocotb_runner import BenchMismatch, CocotbSimulator
from ffhw.sim.compare import BatchMismatch, compare_batch, ports_of, run_codes
from ffhw.sim.loads import LoadStates, random_loads, start_states
from ffhw.sim.scenario import Interface, build_scenario
from ffhw.sim.tools import SIMULATORS

Step = Callable[[str], None]
# Steps after which a design's pace is taken to be steady, where sequences are short.
RUN_UP = 8
# Cycles of one pass under cocotb, about ten seconds: more is what the batch driver is for.
COCOTB_CYCLES = 150_000
# Codes that a plain simulation compares at least; what cocotb has no time for, the compiled driver adds.
LEAST_CODES = 1000
# Cycles that it may take for them where sequences can be cut.
ADDED_CYCLES = 10_000_000
# Cycles of one pass that writes waves: what a person can still look through, some megabytes.
WAVE_CYCLES = 15_000
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


@dataclasses.dataclass(frozen=True)
class Job:
    """What is simulated: the design, what goes through it, and how."""

    bundle: Bundle
    rtl: Path
    interface: Interface
    sequences: list[Ints]
    loads: LoadStates | None
    predicted: int
    check: Check
    step: Step


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
    pairs = zip(vectors["codes"], lengths, strict=True)
    all_sequences = [codes[:n].astype(np.int64) for codes, n in pairs]
    sequences = all_sequences[:count]
    _check_vectors(network, vectors, count)
    predicted = bundle.json("performance.json")["cycles_per_step"]
    if not check.every:
        budget = WAVE_CYCLES if check.waves else COCOTB_CYCLES
        sequences = within_budget(sequences, budget // predicted)
    interface = Interface(network, foldings, bundle.keep_state, check.internals)
    loads = random_loads(network, len(sequences), check.seed) if bundle.keep_state else None
    with scratch_folder("rtl") as folder:
        rtl = bundle.rtl
        if check.internals:
            step("generating the RTL with probes")
            rtl = folder
            prefix = bundle.top.removesuffix("_top")
            probed = generate(network, foldings, bundle.keep_state, probe=True, prefix=prefix)
            for name, text in probed.items():
                (rtl / name).write_text(text)
        runner = _batch if check.every else _cocotb
        job = Job(bundle, rtl, interface, sequences, loads, predicted, check, step)
        result = runner(job)
        short = LEAST_CODES - result["compared"]
        if short > 0 and not check.every:
            result = _top_up(job, result, short, all_sequences)
    result = {
        "simulator": check.simulator,
        "internals": check.internals,
        "sequences": len(sequences),
        "steps": int(sum(len(s) for s in sequences)),
        "loaded_states": sum(len(states) for states in (loads or {}).values()),
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


def _cocotb(job: Job) -> dict[str, Any]:
    interface, sequences, check = job.interface, job.sequences, job.check
    job.step(f"building the simulation with {check.simulator}")
    simulator = CocotbSimulator(job.rtl, check.simulator, waves=check.waves)
    cycles = compared = 0
    interval = None
    for stalls in (0.0, check.stalls):
        steps = sum(len(s) for s in sequences)
        job.step(f"comparing {len(sequences)} sequences of {steps} steps, {stalls:.0%} stalls")
        scenario = build_scenario(
            interface,
            sequences,
            cycles_per_step=job.predicted,
            stalls=stalls,
            seed=check.seed,
            load_states=job.loads,
            parallel=interface.keep_state and stalls > 0.0,
        )
        waves = job.bundle.waves_path("waves") if check.waves else None
        try:
            run = simulator.run(scenario, waves)
        except BenchMismatch as mismatch:
            raise _explain(job, scenario, mismatch) from None
        cycles += run.cycles
        # a beat carries several codes, a probe as well
        compared += sum(run_codes(interface, sequences).values())
        if stalls == 0.0:
            accepted = zip(scenario["program"], run.in_cycles, strict=True)
            inputs = np.array([cycle for (port, *_), cycle in accepted if port == "s_axis"])
            interval = steady_interval(inputs, interface.input.beats, sequences, job.predicted)
    return {"compared": compared, "cycles": cycles, "cycles_per_step": interval, "stalls": check.stalls}


def _top_up(job: Job, result: dict[str, Any], short: int, sequences: list[Ints]) -> dict[str, Any]:
    """The result with at least ``short`` codes more, compared through the compiled driver.

    Raises
    ------
    ToolError: there is no compiled driver, though it belongs to the simulator that was asked for.
    """
    job.step(f"comparing {short:,} more codes with the compiled driver")
    added = more_sequences(job.interface, sequences, short, ADDED_CYCLES // job.predicted)
    loads = random_loads(job.interface.network, len(added), job.check.seed) if job.interface.keep_state else None
    try:
        simulator = BatchSimulator(job.rtl, ports_of(job.interface))
    except ToolError as error:
        if job.check.simulator == "verilator":
            raise
        job.step(f"no compiled driver, fewer codes are compared: {error}")
        return {**result, "compared_compiled": 0}
    run, codes = compare_batch(
        simulator, job.interface, added, job.predicted, stalls=job.check.stalls, seed=job.check.seed, loads=loads
    )
    return {
        **result,
        "compared": result["compared"] + codes,
        "compared_compiled": codes,
        "cycles": result["cycles"] + run.cycles,
    }


def more_sequences(interface: Interface, sequences: list[Ints], codes: int, steps: int) -> list[Ints]:
    """Sequences that give at least so many codes: the given ones, over and over.

    A network that answers every step gets no more steps than it takes; of one that answers once a sequence, pieces are
    taken where whole sequences would take more than ``steps`` steps together.
    """
    chosen: list[Ints] = []
    for sequence in itertools.cycle(sequences):
        missing = codes - sum(run_codes(interface, chosen).values())
        if missing <= 0:
            break
        if interface.network.return_sequences:
            sequence = sequence[: -(-missing // interface.network.output_size)]
        chosen.append(sequence)
    if not interface.network.return_sequences and sum(len(s) for s in chosen) > steps:
        each = max(1, steps // len(chosen))
        chosen = [sequence[:each] for sequence in chosen]
    return chosen


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


def _explain(job: Job, scenario: dict[str, Any], mismatch: BenchMismatch) -> MismatchError:
    """The mismatch in the user's terms, with a wave file beside it."""
    details = mismatch.details
    interface, check = job.interface, job.check
    target = job.bundle.waves_path(f"mismatch-{check.simulator}")
    note = ""
    try:
        CocotbSimulator(job.rtl, check.simulator, waves=True).run(scenario, target)
    except MismatchError:
        found = sorted(target.parent.glob(f"{target.name}.*"))
        note = f"; waves in {found[-1]}" if found else ""
    except ToolError as error:
        note = f"; no waves, {error}"
    port = details["signal"]
    where = f"beat {details['beat']}"
    if port == "m_axis":
        where = f"step {details['beat'] // interface.output.beats}"
    elif port.startswith("probe"):
        where = f"step {details['beat'] // interface.states[int(port.split('_')[1])].beats}"
    elif port.startswith("m_axis_state"):
        where = f"sequence {details['beat'] // interface.states[int(port.split('_')[-1])].beats}"
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


def _batch(job: Job) -> dict[str, Any]:
    interface, sequences = job.interface, job.sequences
    job.step("compiling the RTL with Verilator")
    simulator = BatchSimulator(job.rtl, ports_of(interface))
    if job.check.waves:
        job.step("writing waves of the first sequence")
        _batch_waves(job, 0, job.bundle.result_path("waves.vcd"))
    job.step(f"streaming {len(sequences)} sequences, {sum(len(s) for s in sequences):,} steps")
    begin = time.monotonic()
    try:
        run, codes = compare_batch(simulator, interface, sequences, job.predicted, seed=job.check.seed, loads=job.loads)
    except BatchMismatch as mismatch:
        target = job.bundle.result_path("mismatch-all.vcd")
        _batch_waves(job, mismatch.sequence, target)
        raise BatchMismatch(f"{mismatch}; waves of that sequence in {target}") from None
    seconds = time.monotonic() - begin
    return {
        "compared": codes,
        "cycles": run.cycles,
        "cycles_per_step": measure_interval(simulator, interface, sequences, job.predicted),
        "stalls": 0.0,
        "seconds": round(seconds, 3),
        "cycles_per_second": round(run.cycles / seconds),
    }


def _batch_waves(job: Job, number: int, target: Path) -> None:
    """Write the waveforms of one sequence, whatever its answers are."""
    interface, sequence = job.interface, job.sequences[number]
    simulator = BatchSimulator(job.rtl, ports_of(interface), waves=True)
    answers = len(sequence) if interface.network.return_sequences else 1
    loads = {0: start_states(interface.network, job.sequences, job.loads, number)} if interface.keep_state else None
    # a design that answers wrongly may also stop answering: the waves up to there are what is wanted
    with contextlib.suppress(MismatchError):
        simulator.run([sequence], answers, cycles_per_step=job.predicted, waves=target, loads=loads)

"""Simulating a bundle: the test vectors under cocotb, or a whole data set through the batch driver."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import math
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
# Steps that it streams even so, for the pace to settle, unless they take ten times as long: then just two.
SETTLING_STEPS = 16
# Codes that a plain simulation compares at least; what cocotb has no time for, the compiled driver adds.
LEAST_CODES = 1000
# Cycles that it may take for them where sequences can be cut.
ADDED_CYCLES = 10_000_000
# Cycles of one pass that writes waves: what a person can still look through, some megabytes.
WAVE_CYCLES = 15_000
# Cycles spent on measuring the pace where the compiled driver can afford it.
LONG_RUN_CYCLES = 2_000_000
# Periods of a design after which its pace has settled.
SETTLED = 32


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
    performance: dict[str, Any]
    check: Check
    step: Step

    @property
    def predicted(self) -> int:
        """Cycles a step."""
        return int(self.performance["cycles_per_step"])


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
    performance = bundle.json("performance.json")
    predicted = performance["cycles_per_step"]
    if not check.every:
        budget = WAVE_CYCLES if check.waves else COCOTB_CYCLES
        sequences = within_budget(sequences, affordable(budget, predicted), network.rhythm.least)
    interface = Interface(network, foldings, bundle.keep_state, check.internals)
    loads = random_loads(network, len(sequences), check.seed) if bundle.keep_state else None
    with scratch_folder("rtl") as folder:
        rtl = bundle.rtl
        if check.internals:
            step("generating the RTL with probes")
            rtl = folder
            prefix = bundle.top.removesuffix("_top")
            options = {"generic": bundle.generic is not None, "loadable": bundle.loadable}
            probed = generate(network, foldings, bundle.keep_state, probe=True, prefix=prefix, **options)
            for name, text in probed.items():
                (rtl / name).write_text(text)
        runner = _batch if check.every else _cocotb
        job = Job(bundle, rtl, interface, sequences, loads, performance, check, step)
        result = runner(job)
        short = LEAST_CODES - result["compared"]
        if short > 0 and not check.every:
            result = _top_up(job, result, short, all_sequences)
    measured = result.pop("period_cycles")
    if measured not in (None, performance["period_cycles"]):
        what = f"{measured} cycles for {performance['period_steps']} steps"
        raise MismatchError(f"{what} were measured, {performance['period_cycles']} predicted")
    result = {
        "simulator": check.simulator,
        "internals": check.internals,
        "sequences": len(sequences),
        "steps": int(sum(len(s) for s in sequences)),
        "loaded_states": sum(len(states) for states in (loads or {}).values()),
        "cycles_per_step": None if measured is None else predicted,
        "predicted_cycles_per_step": predicted,
        **result,
    }
    name = "sim-all" if check.every else f"sim-{check.simulator}"
    return {**result, "file": str(bundle.add_result(name, result))}


def affordable(budget: int, cycles_per_step: int) -> int:
    """Steps to stream where some ``budget`` cycles are to be spent."""
    least = SETTLING_STEPS if SETTLING_STEPS * cycles_per_step <= 10 * budget else 2
    return max(budget // cycles_per_step, least)


def within_budget(sequences: list[Ints], steps: int, least: int = 1) -> list[Ints]:
    """The first sequences of together at most ``steps`` steps, the last one cut to fit.

    No sequence is cut to fewer than ``least`` steps.
    """
    left, kept = max(steps, least), []
    for sequence in sequences:
        if left < least:
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
            pace = (job.performance["period_cycles"], job.performance["period_steps"])
            interval = steady_interval(inputs, interface.input.beats, sequences, *pace)
    return {"compared": compared, "cycles": cycles, "period_cycles": interval, "stalls": check.stalls}


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
    if result["period_cycles"] is None:
        # too few steps under cocotb to tell
        period = measure_interval(simulator, job.interface, sequences, job.predicted, job.performance["period_steps"])
        result = {**result, "period_cycles": period}
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
    rhythm = interface.network.rhythm
    for sequence in itertools.cycle(sequences):
        missing = codes - sum(run_codes(interface, chosen).values())
        if missing <= 0:
            break
        if interface.network.return_sequences:
            sequence = sequence[: rhythm.longest(-(-missing // interface.network.output_size))]
        chosen.append(sequence)
    if not interface.network.return_sequences and sum(len(s) for s in chosen) > steps:
        each = max(rhythm.least, steps // len(chosen))
        chosen = [sequence[:each] for sequence in chosen]
    return chosen


def steady_interval(in_cycles: Ints, beats: int, sequences: list[Ints], predicted: int, period: int = 1) -> int | None:
    """Cycles for ``period`` steps in the steady state, from the cycles in which input beats were accepted.

    Looks at the steps of each sequence behind its first :data:`RUN_UP`, and at nothing faster than predicted: while
    the buffers between engines fill, the first engine keeps its own, faster pace. None where the sequences are too
    short to tell.
    """
    begins = in_cycles[::beats]
    ends = np.cumsum([len(s) for s in sequences])
    starts = ends - [len(s) for s in sequences]
    steady = [begins[min(a + RUN_UP, b) : b] for a, b in zip(starts, ends, strict=True)]
    gaps = np.concatenate([part[period:] - part[:-period] for part in steady])
    slowest = int(gaps.max()) if len(gaps) >= 4 else 0
    return slowest if slowest >= predicted else None


def measure_interval(
    simulator: BatchSimulator, interface: Interface, sequences: list[Ints], predicted: int, period: int = 1
) -> int | None:
    """Cycles for ``period`` steps at the end of one long sequence, made of the given ones' steps.

    Where layers store whole sequences, of the last of several such sequences, from answer to answer. None where the
    network takes no sequence that is long enough to tell.

    Raises
    ------
    MismatchError: the pace has not settled by then.
    """
    steps = int(np.clip(LONG_RUN_CYCLES // predicted, 48, 400)) * period
    if interface.network.max_steps is not None and interface.network.max_steps < steps:
        steps = interface.network.max_steps
        if steps < SETTLED * period:
            return None
    codes = np.resize(np.concatenate(sequences), (steps, interface.input.size))
    stored = sum(layer.stores for layer in interface.network.layers)
    if stored:
        # each may hold two sequences before the slowest one is waited for
        run, _ = compare_batch(simulator, interface, [codes] * (3 * stored + 3), predicted)
        ends = run.out_cycles[interface.output.beats - 1 :: interface.output.beats][run.last == 1]
        # the first step of a sequence waits for no state, so that a sequence takes some cycles less than its steps
        return math.ceil((ends[-1] - ends[-2]) * period / steps)
    run, _ = compare_batch(simulator, interface, [codes], predicted)
    begins = run.in_cycles[:: interface.input.beats]
    gaps = np.unique((begins[period:] - begins[:-period])[-8:])
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
        "period_cycles": measure_interval(
            simulator, interface, sequences, job.predicted, job.performance["period_steps"]
        ),
        "stalls": 0.0,
        "seconds": round(seconds, 3),
        "cycles_per_second": round(run.cycles / seconds),
    }


def _batch_waves(job: Job, number: int, target: Path) -> None:
    """Write the waveforms of one sequence, whatever its answers are."""
    interface, sequence = job.interface, job.sequences[number]
    simulator = BatchSimulator(job.rtl, ports_of(interface), waves=True)
    answers = int(interface.network.rhythm.steps(len(sequence)))
    loads = {0: start_states(interface.network, job.sequences, job.loads, number)} if interface.keep_state else None
    # a design that answers wrongly may also stop answering: the waves up to there are what is wanted
    with contextlib.suppress(MismatchError):
        simulator.run([sequence], answers, cycles_per_step=job.predicted, waves=target, loads=loads)

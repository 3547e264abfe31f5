"""An exploration: which jobs there are, which are done already, and what they find together.

First every choice of widths is scored and its designs are estimated; then, if asked for, each design is placed and
routed with each seed. Nothing in the record depends on the order in which jobs were answered, or on where.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ffhw import __version__
from ffhw.boards import catalogue
from ffhw.errors import InputError
from ffhw.explore.command import export_command
from ffhw.explore.front import front
from ffhw.explore.jobs import Build, Estimate, Job, Result, Source
from ffhw.explore.store import Store
from ffhw.export import data_for
from ffhw.files import read_regular
from ffhw.model.floatnet import FloatNetwork
from ffhw.model.scores import read_targets
from ffhw.numbers.grids import WeightBits
from ffhw.numbers.scales import Widths
from ffhw.reading.model_file import read_model

# Answers jobs, and tells a function of each.
Runner = Callable[[Sequence[Job], Source, Callable[[Job, Result], None]], None]
Say = Callable[[str], None]
MOST_JOBS = 4096
MOST_FOLDINGS = 256
_MOST_BYTES = 512 << 20
# What is known of a design by prediction as well as from the tools.
_FIGURES = ("luts", "multipliers", "block_rams", "fmax_mhz", "cycles_per_step", "steps_per_second")


@dataclasses.dataclass(frozen=True)
class Sweep:
    """What is tried. An option of widths that is empty goes with ``bits``.

    foldings: designs of each choice of widths, spread from the smallest to the fastest that fits; 0 where all pairs of
    ``lanes`` and ``simd`` are taken. seeds: of place and route; 0 for estimates only.

    Raises
    ------
    InputError: out of range, or more than can be looked through.
    """

    board: str
    bits: Sequence[int] = (8,)
    weight_bits: Sequence[WeightBits] = ()
    state_bits: Sequence[int] = ()
    input_bits: Sequence[int] = ()
    foldings: int = 4
    lanes: Sequence[int] = ()
    simd: Sequence[int] = ()
    seeds: int = 0

    def __post_init__(self) -> None:
        catalogue.board(self.board)
        if not 0 <= self.foldings <= MOST_FOLDINGS or (not self.foldings and not (self.lanes or self.simd)):
            raise InputError(f"--foldings must be from 1 to {MOST_FOLDINGS}, not {self.foldings}")
        if not 0 <= self.seeds <= MOST_FOLDINGS:
            raise InputError(f"--seeds must be from 1 to {MOST_FOLDINGS}, not {self.seeds}")
        count = len(self.widths)
        if count > MOST_JOBS:
            raise InputError(f"these are {count:,} choices of widths, at most {MOST_JOBS:,} are tried: take fewer")

    @property
    def widths(self) -> list[Widths]:
        """Every choice of widths, each once."""
        others = [wish or (None,) for wish in (self.weight_bits, self.state_bits, self.input_bits)]
        return list(dict.fromkeys(Widths(*each) for each in itertools.product(self.bits, *others)))  # type: ignore[arg-type]


def open_source(model: Path, data: Path | None) -> tuple[Source, FloatNetwork]:
    """Files of an exploration, once it is known that they can be read and belong together; and the trained network.

    Raises
    ------
    InputError: as `ffhw export` would refuse them.
    """
    network = read_model(model)
    beside = model.with_suffix(".data.npz")
    chosen = data or (beside if beside.exists() else None)
    found, origin = data_for(model, network, chosen)
    read_targets(found, network.signature, origin)
    if chosen is None:
        return Source(model.name, read_regular(model, _MOST_BYTES)), network
    files = (model.name, read_regular(model, _MOST_BYTES), chosen.name, read_regular(chosen, _MOST_BYTES))
    return Source(*files), network


def explore(
    model: Path, data: Path | None, sweep: Sweep, store: Store, run: Runner, step: Say = lambda _: None,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> dict[str, Any]:  # fmt: skip
    """Find out what a model can be on a board.

    Parameters
    ----------
    data: as for `ffhw export`. run: answers those jobs whose results are not in the store.
    step: told what begins. progress: jobs that are done, and all.

    Returns
    -------
    The record, plain JSON data: the figures of each design and on which fronts it is, and what cannot be.

    Raises
    ------
    FfhwError: files that are refused, a network of which no design can be, or whatever ``run`` raises.
    """
    step(f"reading {model}")
    source, trained = open_source(model, data)
    digests = source.digests
    only = (0, tuple(sweep.lanes), tuple(sweep.simd)) if not sweep.foldings else (sweep.foldings,)
    every = sweep.widths
    if trained.settled:
        step(
            f"note: trained on integers, whose formats stay, so that no widths are tried: {'; '.join(trained.settled)}"
        )
        every = every[:1]
    estimates = [Estimate(*digests, sweep.board, widths, *only) for widths in every]
    found = _answered("estimating", estimates, source, store, run, step, progress)
    designs, impossible = _designs(estimates, found)
    reasons = {each["reason"] for each in impossible}
    if not designs and len(reasons) == 1:
        raise InputError(reasons.pop())
    jobs: list[Job] = [*estimates]
    if sweep.seeds:
        builds = {place: _builds(design, sweep, source) for place, design in enumerate(designs) if not design["over"]}
        each_seed = [build for each in builds.values() for build in each]
        built = _answered("placing and routing", each_seed, source, store, run, step, progress)
        for place, each in builds.items():
            designs[place]["built"] = _median([built[build.digest] for build in each])
        jobs += each_seed
    for design in designs:
        design |= _figures(design, sweep.seeds > 0)
        widths = Widths(**design["widths"])
        design["export"] = export_command(model, data, widths, design["lanes"], design["simd"])
    scored = [result for result in found.values() if "impossible" not in result]
    judged_by = scored[0]["judged_by"] if scored else None
    _mark_fronts(designs, judged_by)
    if others := store.others(jobs):
        step(f"note: {store.folder} keeps {others} results of other explorations as well")
    return {
        "program": "ffhw explore",
        "ffhw": __version__,
        "model": {"file": source.model_name, "sha256": digests[0]},
        "data": None if digests[1] is None else {"file": source.data_name, "sha256": digests[1]},
        "board": sweep.board,
        "sweep": json.loads(json.dumps(dataclasses.asdict(sweep))),
        "built": sweep.seeds > 0,
        "labels": scored[0]["labels"] if scored else None,
        "judged_by": judged_by,
        "float": scored[0]["float"] if scored else None,
        "designs": designs,
        "impossible": impossible,
    }


def _answered(
    what: str, jobs: Sequence[Job], source: Source, store: Store, run: Runner, step: Say,
    progress: Callable[[int, int], None],
) -> dict[str, Result]:  # fmt: skip
    """Results by digest, of the store or new and then kept."""
    unique = {job.digest: job for job in jobs}
    step(f"looking for {len(unique)} results in {store.folder}")
    found = {digest: store.read(job, lambda text: step(f"note: {text}")) for digest, job in unique.items()}
    missing = [job for digest, job in unique.items() if found[digest] is None]
    there = len(unique) - len(missing)
    known = f": {there} of {len(unique)} are there already, {len(missing)} to do" if there else f": {len(missing)} jobs"
    step(what + known)

    def done(job: Job, result: Result) -> None:
        store.write(job, result)
        # as a reader of the file has it
        found[job.digest] = json.loads(json.dumps(result))
        progress(sum(result is not None for result in found.values()), len(unique))

    if missing:
        run(missing, source, done)
    return {digest: result for digest, result in found.items() if result is not None}


def _designs(estimates: Sequence[Estimate], found: dict[str, Result]) -> tuple[list[dict[str, Any]], list[Any]]:
    """Every design that was estimated, once; and the widths of which there is none, with the reason."""
    designs: dict[Any, dict[str, Any]] = {}
    impossible = []
    for job in estimates:
        result, widths = found[job.digest], dataclasses.asdict(job.widths)
        if "impossible" in result or not result["designs"]:
            reason = result.get("impossible", "no folding fits: use fewer units or a larger device")
            impossible.append({"widths": widths, "reason": reason})
            continue
        for design in result["designs"]:
            scores = {"score": result["quantized"], "network_sha256": result["network_sha256"]}
            estimate = {name: value for name, value in design.items() if name not in ("lanes", "simd", "over")}
            row = {
                "widths": result["widths"],
                **scores,
                "lanes": design["lanes"],
                "simd": design["simd"],
                "over": design["over"],
            }
            # widths may give the same network: a width of what it does not have, or formats that training has settled
            key = (result["network_sha256"], *design["lanes"], *design["simd"])
            designs.setdefault(key, {**row, "estimate": estimate})
    return list(designs.values()), impossible


def _builds(design: dict[str, Any], sweep: Sweep, source: Source) -> list[Build]:
    """A design's jobs, one a seed."""
    from ffhw.boards.flow import tool_versions

    folding = (tuple(design["lanes"]), tuple(design["simd"]))
    names, widths = (source.model_name, source.data_name), Widths(**design["widths"])
    return [
        # one netlist serves all seeds
        Build(*source.digests, sweep.board, widths, names, *folding, seed, seed == 1, tool_versions())
        for seed in range(1, sweep.seeds + 1)
    ]


def _median(results: Sequence[Result]) -> Result:
    """What the tools made of a design: figures of the first seed that was routed, with the median Fmax of all."""
    routed = [result for result in results if "impossible" not in result]
    wrong = [result for result in results if result.get("mismatch")]
    if wrong or not routed:
        return (wrong or results)[0]
    fmax = statistics.median(result["fmax_mhz"] for result in routed)
    steps = fmax * 1e6 / routed[0]["cycles_per_step"]
    every = {"fmax_mhz_of_seeds": [result.get("fmax_mhz") for result in results]}
    return {**routed[0], "fmax_mhz": fmax, "steps_per_second": round(steps, 1), **every}


def _figures(design: dict[str, Any], built: bool) -> dict[str, Any]:
    """The figures that count, and why there are none where there are none."""
    if design["over"]:
        return {"figures": None, "reason": f"does not fit by estimate: {', '.join(design['over'])}"}
    known = design["built"] if built else design["estimate"]
    if "impossible" in known:
        return {"figures": None, "reason": known["impossible"]}
    return {"figures": {name: known.get(name, 0) for name in _FIGURES}, "reason": None}


def _mark_fronts(designs: Sequence[dict[str, Any]], judged_by: str | None) -> None:
    """Say of each design whether it is on the front of logic, and on that of speed."""
    able = [design for design in designs if design["figures"]]
    # of designs that are equal in two figures, the better one in the third
    for name, figure, sign, third in (
        ("logic", "luts", -1, "steps_per_second"),
        ("speed", "steps_per_second", 1, "luts"),
    ):
        able.sort(key=lambda design: sign * design["figures"][third])
        points = [(worth(design["score"], judged_by), sign * design["figures"][figure]) for design in able]
        best = {id(able[place]) for place in front(points)}
        for design in designs:
            design[f"on_{name}_front"] = id(design) in best


def worth(score: dict[str, float], judged_by: str | None) -> float:
    """A score of which more is better."""
    value = score[judged_by or "mse"]
    return -value if judged_by == "mse" else value

"""Answering a job from the content of the files, in whatever process."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

from ffhw.boards import catalogue
from ffhw.boards.tools import ToolFailed
from ffhw.errors import FitError, InputError, MismatchError, ToolError
from ffhw.explore import designs
from ffhw.explore.jobs import Build, Estimate, Job, Result, Source
from ffhw.export import Options, Quantized, export, read_and_quantize
from ffhw.model import floatnet
from ffhw.model.compare import compare
from ffhw.model.data import Data
from ffhw.model.network import Network
from ffhw.numbers.formats import MAX_BITS
from ffhw.numbers.grids import stored_bits
from ffhw.numbers.scales import Widths
from ffhw.processes import scratch_folder

# Figures of merit in the order in which a network is judged by them; of the last one, less is better.
MERITS = ("accuracy", "sign_accuracy", "mse")
# Digits of a score: sums of floats differ in the last ones from machine to machine.
_DIGITS = 6


def answer(job: Job, source: Source) -> Result:
    """What a job finds out; a design or network that cannot be is an answer, with the reason.

    Raises
    ------
    ToolError: a tool is missing, or another version of one than the job asks for; or it broke. OutputError.
    """
    job.check(source)
    with scratch_folder("explore") as folder:
        files = folder / "files"
        files.mkdir()
        model, data = files / source.model_name, source.data_name and files / source.data_name
        model.write_bytes(source.model)
        if data and source.data is not None:
            data.write_bytes(source.data)
        options = Options(widths=job.widths, data=data or None)
        try:
            if isinstance(job, Build):
                return _build(job, model, options, folder / "build")
            assert isinstance(job, Estimate)
            return _estimate(job, model, options)
        except (InputError, FitError, MismatchError) as error:
            # logs and files are gone with the folder
            reason = str(error).partition("; logs in ")[0].replace(f"{files}/", "")
            return {"impossible": reason, "mismatch": isinstance(error, MismatchError)}


def _estimate(job: Estimate, model: Path, options: Options) -> Result:
    found, device = read_and_quantize(model, options), catalogue.board(job.board).device
    chosen = (
        designs.spread(found.network, device, job.foldings)
        if job.foldings
        else designs.grid(found.network, device, job.lanes, job.simd)
    )
    return {
        **_scores(found),
        "widths": dataclasses.asdict(settled_widths(found.network) if found.trained.settled else job.widths),
        "network_sha256": hashlib.sha256(found.network.to_bytes()).hexdigest(),
        "designs": [designs.described(found.network, design, device) for design in chosen],
    }


def settled_widths(network: Network) -> Widths:
    """Widths of a network that was trained on integers, the widest of each kind."""
    weights = [layer.weight_bits for layer in network.layers if hasattr(layer, "weight_bits")]
    weight_bits = max(weights, key=stored_bits, default=network.output.bits)
    states = [layer.state_format.bits for layer in network.layers if layer.state_size]
    bits = network.output.bits
    others = (min(width, MAX_BITS) for width in (max(states, default=bits), network.input.bits))
    return Widths(min(bits, MAX_BITS), weight_bits, *others)


def _scores(found: Quantized) -> dict[str, Any]:
    """Scores on the data's labels; where there are none, the float network's answers stand for them."""
    labels, compared = "data", compare(found.trained, found.network, found.data, found.origin)
    if not compared["quantized"]:
        labels, compared = "float", compare(found.trained, found.network, answered_by_floats(found), found.origin)
    scores = {kind: {name: _short(value) for name, value in compared[kind].items()} for kind in ("float", "quantized")}
    judged_by = next(name for name in MERITS if name in scores["quantized"])
    return {"labels": labels, "judged_by": judged_by, **scores, "rms_difference": _short(compared["rms_difference"])}


def answered_by_floats(found: Quantized) -> Data:
    """The data with the float network's answers as what is right."""
    answers = floatnet.forward(found.trained, found.data.x, found.data.lengths)[-1]
    if not found.network.return_sequences:
        answers = answers[:, 0]
    head = found.network.head
    y = answers.argmax(axis=-1) if head == "softmax" else (answers > 0.5).astype(int) if head == "sigmoid" else answers
    return dataclasses.replace(found.data, y=y)


def _build(job: Build, model: Path, options: Options, bundle: Path) -> Result:
    """A design from the tools: the core alone, as the estimate is of it."""
    # imported here: whoever only estimates needs none of this
    from ffhw.boards.flow import synthesize, tool_versions
    from ffhw.sim.netlist import check_netlist

    if tool_versions() != job.tools:
        raise ToolError(f"a worker has the tools {_listed(tool_versions())}, the job asks for {_listed(job.tools)}")
    # an empty wish is that of a network in which nothing can be folded
    exported = export(model, bundle, dataclasses.replace(options, lanes=job.lanes or None, simd=job.simd or None))
    check = check_netlist if job.check_netlist else None
    try:
        built = synthesize(bundle, catalogue.board(job.board), job.seed, check=check)
    except ToolFailed as failure:
        # a tool that says why it cannot is no defect of ours or of the machine's
        if "ERROR" not in failure.log:
            raise
        raise FitError(str(failure)) from None
    return {
        "bundle": exported.identity,
        **{kind: count["used"] for kind, count in built["utilisation"].items()},
        "fmax_mhz": built["fmax_mhz"],
        "fmax_reliable": built["fmax_reliable"],
        "cycles_per_step": built["cycles_per_step"],
        "steps_per_second": round(built["steps_per_second"], 1),
        "netlist_equal": built["netlist"]["equal"],
        "differences": built["differences"],
        "bitstream_sha256": built["bitstream_sha256"],
    }


def _listed(tools: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in tools.items())


def _short(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")

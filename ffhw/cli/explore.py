"""The command `ffhw explore`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from ffhw.explore.explore import Runner, Sweep

# Designs of a front that are shown in the terminal.
_SHOWN = 8


def run(
    model: Path = typer.Argument(help="Trained model, a .keras or .onnx file."),
    board: str = typer.Option(..., help="Board that the designs are for, such as icebreaker; ffhw board list."),
    data: Path = typer.Option(
        None, help="Data to calibrate and score on, as of `ffhw export`.", show_default="MODEL.data.npz beside it"
    ),
    bits: str = typer.Option("2-8", help="Widths to try, as in 2-8 or 2,4,8: of all that follows and of outputs."),
    weight_bits: str = typer.Option(
        None, help="Of weights, each with each of --bits; also ternary and binary.", show_default="--bits"
    ),
    state_bits: str = typer.Option(None, help="Of states and gates, alike.", show_default="--bits"),
    input_bits: str = typer.Option(None, help="Of inputs, alike.", show_default="--bits"),
    foldings: int = typer.Option(
        None, min=1, help="Designs of each choice of widths, from the smallest to the fastest.", show_default="4"
    ),
    lanes: str = typer.Option(None, help="Or these lanes, as in 1,2,4: each with each of --simd, alike in all layers."),
    simd: str = typer.Option(None, help="Or these elements a cycle.", show_default="1"),
    synth: bool = typer.Option(False, help="Place and route every design, instead of estimating it. Minutes each."),
    seeds: int = typer.Option(
        None, min=1, help="With --synth: placements of each design; Fmax is their median.", show_default="1"
    ),
    workers: int = typer.Option(None, help="Processes on this machine.", show_default="one a processor"),
    scheduler: str = typer.Option(None, help="Or the workers of a Dask scheduler, as in tcp://host:8786."),
    output: Path = typer.Option(Path("explore"), "--output", "-o", help="Folder that results are kept in."),
) -> None:  # fmt: skip
    """Explore what a model can be on a board: every choice of widths with several foldings, and the best of them.

    Scores come from the golden model, hardware figures from estimates or, with --synth, from place and route of the
    core alone. Writes index.html and explore.json: the Pareto fronts of score against logic and of score against
    speed, with the `ffhw export` command that gives each design.

    Each result is a file in the folder, kept under the digest of all that it depends on: the command goes on where it
    was killed, and does only what is new when more is asked for. Results are the same whoever answers, one worker or
    many.

    A first look: ffhw explore vowels.keras --board icebreaker --bits 2-8
    """
    widths = {"bits": bits, "weight_bits": weight_bits, "state_bits": state_bits, "input_bits": input_bits}
    sweep = _sweep(board, widths, foldings, lanes, simd, synth, seeds)
    _explore(model, data, sweep, _runner(workers, scheduler), output)


def _explore(model: Path, data: Path | None, sweep: Sweep, runner: Runner, output: Path) -> None:
    """Explore, write what was found, and say what is best."""
    from ffhw.cli.console import Steps, console
    from ffhw.errors import MismatchError, ToolError
    from ffhw.explore.explore import explore
    from ffhw.explore.store import Store

    try:
        # drawn last, but missed first
        from ffhw.report.explore_page import page
    except ImportError as error:
        raise ToolError(f"the page needs {error.name}: pip install 'ffhw[report]'") from None
    with Steps() as steps:
        store = Store(output)
        record = explore(model, data, sweep, store, runner, steps, steps.progress)
        steps("drawing")
        store.write_pages(record, page(record))
    for name, what in (("logic", "least logic"), ("speed", "most steps a second")):
        _tell(record, name, what)
    wrong = sum(bool(design.get("built", {}).get("mismatch")) for design in record["designs"])
    console.print(f"wrote {output / 'index.html'} and {output / 'explore.json'}", markup=False)
    if wrong:
        raise MismatchError(
            f"the netlists of {wrong} designs do not compute their network: see {output / 'index.html'}"
        )


def _sweep(
    board: str, widths: dict[str, str], foldings: int | None, lanes: str | None, simd: str | None, synth: bool,
    seeds: int | None,
) -> Sweep:  # fmt: skip
    """What the options ask for; refused where they contradict each other."""
    from ffhw.cli.whole import bits_of, ranges, weight_widths
    from ffhw.errors import InputError
    from ffhw.explore.explore import Sweep

    if foldings is not None and (lanes or simd):
        raise InputError("--foldings spreads designs: give either that or --lanes and --simd")
    if seeds is not None and not synth:
        raise InputError("--seeds are those of place and route: give --synth as well")
    tried = {
        name: (weight_widths if name == "weight_bits" else bits_of)(f"--{name.replace('_', '-')}", text)
        for name, text in widths.items()
        if text is not None
    }
    pairs = {
        name: ranges(f"--{name}", text, 1) for name, text in (("lanes", lanes), ("simd", simd)) if text is not None
    }
    count = 0 if pairs else foldings or 4
    return Sweep(board, **tried, **pairs, foldings=count, seeds=(seeds or 1) if synth else 0)  # type: ignore[arg-type]


def _runner(workers: int | None, scheduler: str | None) -> Runner:
    """Who answers the jobs."""
    import functools
    import os

    from ffhw.errors import InputError

    if scheduler is None:
        from ffhw.explore.local import check_workers, run_local

        chosen = workers if workers is not None else os.cpu_count() or 1
        return functools.partial(run_local, workers=check_workers(chosen))
    if workers is not None:
        raise InputError("--scheduler has workers of its own: leave out --workers")
    from ffhw.explore.remote import check_address, run_remote

    return functools.partial(run_remote, address=check_address(scheduler))


def _tell(record: dict[str, Any], name: str, what: str) -> None:
    """Designs of a front, and the command that gives each."""
    from ffhw.cli.console import console
    from ffhw.report.explore_page import score_name, score_text

    best = [design for design in record["designs"] if design[f"on_{name}_front"]]
    if not best:
        return
    console.print(f"{what}, by {score_name(record)}; in floats {score_text(record['float'], record['judged_by'])}:")
    best.sort(key=lambda design: -design["score"][record["judged_by"]])
    for design in best[:_SHOWN]:
        figures = design["figures"]
        console.print(
            f"  {score_text(design['score'], record['judged_by'])}, {figures['luts']:,} LUTs, {figures['multipliers']} "
            f"multipliers, {figures['steps_per_second']:,.0f} steps a second: {design['export']}",
            markup=False,
        )
    if len(best) > _SHOWN:
        console.print(f"  and {len(best) - _SHOWN} more on the page")

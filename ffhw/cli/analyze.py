"""The command `ffhw analyze`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

# the file by which a folder of analyses is known
MARKER = "analysis.json"


def run(
    models: list[Path] = typer.Argument(help="Models that `ffhw train` wrote; several are shown side by side."),
    output: Path = typer.Option(Path("analysis"), "--output", "-o", help="Folder to write."),
    task: str = typer.Option(None, help="Task of the models.", show_default="from each model's record"),
    bits: str = typer.Option("8,4,2,1", help="Widths of the golden models that a JK network is compared with."),
    quick: bool = typer.Option(False, "--quick", help="A tenth of the samples, short holds: for a first look."),
    hold_steps: int = typer.Option(None, help="Steps of a hold.", show_default="1,000,000; 100,000 over 128 units"),
    sizes: str = typer.Option(None, help="Also train every cell at these sizes until one learns, as in 2,4,8,16."),
    size_cells: str = typer.Option("jk,lstm,gru,rnn", help="Cells that --sizes tries."),
    accuracy: float = typer.Option(0.999, help="Sign accuracy that --sizes looks for."),
    epochs: int = typer.Option(None, help="Epochs of each training of --sizes.", show_default="the task's own"),
    seed: int = typer.Option(1, help="Seed of test sequences, searches and trainings."),
) -> None:
    """Find out what trained networks learned, and what is left of it at few bits.

    Writes pictures, the JSON data of each, and index.html: task samples, connectivity, eigenvalues, principal
    components and the cube of memories, fixed points with their stability, robustness, holds of up to a million steps,
    the gates of flip-flop neurons, and the golden integer models of JK networks at each width.

    Reads MODEL.keras, and beside it MODEL.json (its task) and MODEL.initial.keras (before training), if they are there.
    """
    import dataclasses

    from ffhw.cli.console import Steps, console, describe_score
    from ffhw.cli.whole import whole_numbers
    from ffhw.errors import InputError, ToolError
    from ffhw.files import check_folder, write_folder
    from ffhw.training.analysis.subject import open_subject
    from ffhw.training.networks.options import RecurrentOptions

    # everything that can be refused is refused before the heavy packages are loaded
    widths = whole_numbers("--bits", bits, 1, 16)
    wanted_sizes = whole_numbers("--sizes", sizes, 1, 4096) if sizes else ()
    if hold_steps is not None and hold_steps < 1:
        raise InputError(f"--hold-steps must be at least 1, not {hold_steps}")
    if not 0 < accuracy <= 1:
        raise InputError(f"--accuracy must be above 0 and at most 1, not {accuracy!r}")
    for cell in size_cells.split(","):
        RecurrentOptions(cell)
    subjects = [open_subject(path, task) for path in models]
    titles = [subject.title for subject in subjects]
    if len(set(titles)) < len(titles):
        raise InputError(f"the models' file names must differ, found {', '.join(titles)}")
    check_folder(output, "an analysis", _own_files(output))
    console.print("loading SciPy, scikit-learn and matplotlib")
    try:
        from ffhw.report.laboratory_page import files
        from ffhw.training.analysis.laboratory import QUICK, Effort, analyze
    except ImportError as error:
        raise ToolError(f"analyze needs {error.name}: pip install 'ffhw[analyze]'") from None

    effort = dataclasses.replace(QUICK if quick else Effort(), bits=widths)
    if hold_steps is not None:
        effort = dataclasses.replace(effort, hold_steps=hold_steps)
    results = {}
    with Steps() as steps:
        for subject in subjects:
            console.print(f"{subject.title}: {subject.task}, {subject.system.units} units of {subject.system.cell}")
            results[subject.title] = analyze(subject, effort, seed, steps, steps.progress)
        found = None
        if wanted_sizes:
            found = _search(subjects[0].task, size_cells, wanted_sizes, accuracy, epochs, seed, steps)
        steps("drawing")
        pages = files(results, found)
        write_folder(output, {MARKER: _marker(titles, list(pages)), **pages})
    for title, result in results.items():
        scores = {key: result["scores"][key] for key in ("sign_accuracy", "mse")}
        console.print(f"{title}: {describe_score(scores)}; {_shape(result)}", markup=False)
    console.print(f"wrote {output}/index.html", markup=False)


def _marker(titles: list[str], names: list[str]) -> str:
    import json

    from ffhw import __version__

    return json.dumps({"ffhw": __version__, "networks": titles, "files": sorted(names)}, indent=2) + "\n"


def _own_files(output: Path) -> set[str] | None:
    """Files in a folder that an analysis of ours lists; None if it is none."""
    import json

    from ffhw.errors import InputError
    from ffhw.files import read_regular
    from ffhw.shapes import check_shape

    try:
        marker = json.loads(read_regular(output / MARKER, 1 << 20))
        check_shape(marker, {"ffhw": str, "networks": [str], "files": [str]}, MARKER)
    except (InputError, ValueError, RecursionError):
        return None
    return {MARKER, *marker["files"]}


def _search(
    task: str,
    cells: str,
    sizes: tuple[int, ...],
    accuracy: float,
    epochs: int | None,
    seed: int,
    steps: Any,
) -> dict[str, Any]:
    """Smallest networks of each cell, trained for it."""
    from ffhw.cli.console import quiet_tensorflow
    from ffhw.errors import ToolError
    from ffhw.training.analysis.sizes import smallest_networks
    from ffhw.training.tasks import task as task_of

    quiet_tensorflow()
    try:
        return smallest_networks(
            task_of(task),
            cells.split(","),
            sizes,
            accuracy,
            epochs=epochs,
            seed=seed,
            say=steps,
            progress=steps.progress,
        )
    except ImportError as error:
        raise ToolError(f"--sizes trains, and needs {error.name}: pip install 'ffhw[train]'") from None


def _shape(result: dict[str, Any]) -> str:
    """What was found, in half a line."""
    points, shape = result["fixed_points"], result["activity"]["corners"]["cube"]
    counts = points["counts"]
    text = f"{counts['stable']} stable and {counts['unstable']} unstable fixed points, {counts['slow']} slow ones"
    text += f", {counts['neutral']} neutral ones" if counts["neutral"] else ""
    return text + (f", {shape['disparity']:.4f} from a cube" if shape else "")

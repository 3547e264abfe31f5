"""The command `ffhw compare`."""

from __future__ import annotations

from pathlib import Path

import typer


def run(
    task: str = typer.Argument(help="Task to compare on; those of `ffhw train`."),
    output: Path = typer.Option(None, "--output", "-o", help="Folder to write.", show_default="compare-TASK"),
    others: str = typer.Option("lstm", "--cells", help="Cells to compare JK with, separated by commas."),
    preset: str = typer.Option(None, help="Sizes: quick or paper.", show_default="quick"),
    trials: int = typer.Option(3, help="Trainings that each network's tuning may take, at most 6."),
    trial_epochs: int = typer.Option(None, help="Epochs of a trial.", show_default="a third of a training's"),
    seeds: int = typer.Option(3, help="Trainings that count, of each network."),
    epochs: int = typer.Option(None, help="Epochs of a training that counts.", show_default="the task's"),
) -> None:
    """Compare JK with other cells fairly: the same budget of tuning, equal units and equal parameters, several seeds.

    Each trial trains on a part of the training data and is judged on the rest; the best settings are then trained from
    each seed and judged on the test split. Writes compare.json and every trained model. A comparison that was killed
    goes on with the same command.
    """
    from ffhw.cli.console import console, quiet_tensorflow
    from ffhw.errors import OutputError, ToolError
    from ffhw.training import tasks

    quiet_tensorflow()
    chosen = tasks.task(task)
    folder = output or Path(f"compare-{task}")
    try:
        from ffhw.training.compare import Budget, compare

        budget = Budget(trials, trial_epochs, seeds, epochs)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot write {folder}: {error.strerror}") from None
        cells = [cell.strip() for cell in others.split(",") if cell.strip()]
        record = compare(chosen, folder, cells, preset, budget, lambda text: console.print(text, markup=False))
    except ImportError as error:
        raise ToolError(f"training needs {error.name}: pip install 'ffhw[train]'") from None
    for row in record["rows"]:
        cost = f"{row['parameters']:,} parameters, {row['seconds_per_epoch']:.2g} s an epoch, {row['peak_mib']} MiB"
        against = f"; JK {row['jk']}" if "jk" in row else ""
        console.print(
            f"{row['title']}: {record['judged_by']} {row['mean']:.4g} +- {row['interval']:.2g} of {seeds} seeds, "
            f"{cost}{against}",
            markup=False,
        )
    console.print(f"wrote {folder / 'compare.json'}", markup=False)

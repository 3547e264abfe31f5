"""The command `ffhw train`."""

from __future__ import annotations

from pathlib import Path

import typer


def run(
    task: str = typer.Argument(help="Example to train; see below."),
    output: Path = typer.Option(Path("model.keras"), "--output", "-o", help="Model file to write."),
    cell: str = typer.Option("jk", help="Recurrent cell: jk, lstm, gru or rnn. Only jk becomes hardware."),
    units: int = typer.Option(None, help="Units of the recurrent layer.", show_default="the task's own"),
    epochs: int = typer.Option(None, help="Passes over the training data.", show_default="the task's own"),
    learning_rate: float = typer.Option(None, help="Rate to begin with; falls to 0.", show_default="the task's own"),
    seed: int = typer.Option(1, help="Seed of weights, data and order."),
    hold_bias: bool = typer.Option(True, help="Start JK gates with biases that let them hold their state."),
) -> None:
    """Train an example and write the model, its test split and its record.

    Writes MODEL.keras, MODEL.data.npz (the test split, which export calibrates and evaluates on) and MODEL.json
    (settings, history, test figures).

    Tasks: flipflop3 (3-bit memory), japanese-vowels (real speech), perceptual-decision, context-decision,
    delayed-match, parametric-memory.
    """
    import os

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # the other kernels vary the order of sums, and announce it at each start
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from ffhw.cli.console import console, describe_score
    from ffhw.errors import ToolError
    from ffhw.training import tasks

    chosen = tasks.task(task)
    tasks.check_cell(cell)
    console.print(f"training {chosen.title}; loading TensorFlow and the data")
    try:
        from ffhw.training.train import train
    except ImportError as error:
        raise ToolError(f"training needs {error.name}: pip install 'ffhw[train]'") from None
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, TextColumn("{task.fields[figures]}"), console=console) as bar:
        epoch_bar = bar.add_task("epochs", total=epochs or chosen.epochs, figures="")

        def progress(epoch: int, total: int, figures: dict[str, float]) -> None:
            text = "  ".join(f"{name} {value:.4g}" for name, value in figures.items())
            bar.update(epoch_bar, completed=epoch, total=total, figures=text)

        try:
            record = train(
                chosen,
                output,
                cell=cell,
                units=units,
                epochs=epochs,
                learning_rate=learning_rate,
                seed=seed,
                hold_bias=hold_bias,
                progress=progress,
            )
        except ImportError as error:
            raise ToolError(f"training needs {error.name}: pip install 'ffhw[train]'") from None
    console.print(f"{record['parameters']} parameters, test: {describe_score(record['test'])}")
    console.print(f"wrote {output}, {output.with_suffix('.data.npz')} and {output.with_suffix('.json')}", markup=False)

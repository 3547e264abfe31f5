"""The smallest network of each cell that learns a task."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ffhw.processes import scratch_folder
from ffhw.training.tasks import Task


def smallest_networks(
    task: Task,
    cells: Iterable[str],
    sizes: Iterable[int],
    accuracy: float,
    *,
    epochs: int | None = None,
    seed: int = 1,
    say: Callable[[str], None] = lambda _: None,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> dict[str, Any]:
    """Train ever larger networks of each cell until one reaches the accuracy.

    Parameters
    ----------
    sizes: units to try. accuracy: sign accuracy on the test split, from 0 to 1. epochs: the task's own if None.
    say: told what begins. progress: told of each epoch.

    Returns
    -------
    ``rows``: cell, units, parameters and test scores of every network trained; ``smallest``: the row of each cell that
    reached the accuracy, None where none did.
    """
    # TensorFlow is not needed by the other analyses
    from ffhw.training.networks.options import RecurrentOptions
    from ffhw.training.train import train

    rows: list[dict[str, Any]] = []
    smallest: dict[str, Any] = {}
    with scratch_folder("sizes") as folder:
        for cell in cells:
            smallest[cell] = None
            for units in sorted(sizes):
                say(f"{cell}, {units} units")
                record = train(
                    task,
                    folder / "m.keras",
                    RecurrentOptions(cell, units),
                    epochs=epochs,
                    seed=seed,
                    progress=lambda epoch, total, _: progress(epoch, total),
                )
                kept = ("cell", "units", "parameters", "epochs", "train_seconds")
                rows.append({**{key: record[key] for key in kept}, **record["test"]})
                # a test split that asks for one sign only tells nothing
                if record["test"].get("sign_accuracy", 0.0) >= accuracy:
                    smallest[cell] = rows[-1]
                    break
    return {"task": task.name, "seed": seed, "accuracy": accuracy, "rows": rows, "smallest": smallest}

"""A fair comparison of cells on one task: equal budgets of tuning, several seeds, equal units and equal parameters.

A cell's budget is a number of trials: learning rates and initial biases from one grid, the same for all. A trial trains
on four fifths of the training data and is judged by the loss on the rest; the test split is seen by the trainings that
count only. Those are processes of their own (`ffhw train`), so that time and memory are theirs. What is finished is
kept: a comparison that was killed goes on.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ffhw.errors import InputError, ToolError
from ffhw.files import write_atomic
from ffhw.processes import run
from ffhw.training.networks.options import RecurrentOptions
from ffhw.training.tasks.base import Task, TaskData

Say = Callable[[str], None]
# Learning rates of the trials, as multiples of the task's own, in the order in which a budget buys them; then the same
# without biases that hold.
FACTORS = (1.0, 1 / 3, 3.0)
MOST_TRIALS = 2 * len(FACTORS)
HELD_OUT = 5  # one example of so many


@dataclasses.dataclass(frozen=True)
class Contestant:
    """A network that takes part: its cell and size. slug: part of the names of its files."""

    title: str
    slug: str
    cell: str
    units: int
    parameters: int


@dataclasses.dataclass(frozen=True)
class Budget:
    """What each contestant gets.

    Parameters
    ----------
    trials: trainings for tuning. trial_epochs: length of each, None for a third of a training.
    seeds: trainings that count.
    epochs: length of these, None for the preset's.

    Raises
    ------
    InputError: out of range.
    """

    trials: int = 3
    trial_epochs: int | None = None
    seeds: int = 3
    epochs: int | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.trials <= MOST_TRIALS:
            raise InputError(f"--trials must be from 1 to {MOST_TRIALS}, not {self.trials}")
        if self.seeds < 2:
            raise InputError(f"--seeds must be at least 2: one training tells nothing of chance; not {self.seeds}")
        for name, value in (("--epochs", self.epochs), ("--trial-epochs", self.trial_epochs)):
            if value is not None and value < 1:
                raise InputError(f"{name} must be at least 1, not {value}")


def compare(task: Task, folder: Path, others: Sequence[str], preset: str | None, budget: Budget, say: Say) -> Any:
    """Compare JK with other cells; write ``folder/compare.json`` and what each training wrote beside it.

    Parameters
    ----------
    others: cells besides JK; each takes part at JK's units, and at the most units that need no more parameters.
    preset: name of the task's sizes, None for its own.

    Returns
    -------
    The record: for each contestant its trials, the figures of each seed, their mean and 95 % interval, and whether JK
    wins, ties or loses against it.
    """
    import keras

    options = RecurrentOptions()
    sizes = task.preset(options, preset)
    keras.utils.set_random_seed(0)
    say("loading data")
    data = task.examples(sizes, 1)
    rows = []
    for contestant in contestants(task, others, sizes, data):
        say(f"{contestant.title}: {contestant.units} units, {contestant.parameters:,} parameters")
        trials = _tuned(task, contestant, sizes, data, budget, folder, say)
        best = min(trials, key=lambda trial: trial["loss"])
        runs = [_counted(task, contestant, preset, best, seed, budget, folder, say) for seed in _seeds(budget)]
        rows.append({**dataclasses.asdict(contestant), "trials": trials, "chosen": best, "runs": runs, **summary(runs)})
    for row in rows[1:]:
        row["jk"] = verdict(rows[0], row, task.most_is_best)
    record = {
        "task": task.name,
        "title": task.title,
        "preset": preset,
        "judged_by": task.judged_by,
        "most_is_best": task.most_is_best,
        "budget": dataclasses.asdict(budget),
        "baseline": _read(folder / f"{rows[0]['slug']}-1.json")["baseline"],
        "rows": rows,
    }
    write_atomic(folder / "compare.json", json.dumps(record, indent=2) + "\n")
    return record


def contestants(task: Task, others: Sequence[str], sizes: Any, data: TaskData) -> list[Contestant]:
    """JK, and each other cell at equal units and at no more parameters.

    Raises
    ------
    InputError: the task has no network of such a cell.
    """

    def parameters(cell: str, units: int) -> int:
        from ffhw.training.train import count_trainable

        chosen = RecurrentOptions(cell, units)
        task.preset(chosen)  # refuses cells that the task does not have
        model = task.build(chosen, dataclasses.replace(sizes, units=units), data, 1)
        return count_trainable(model)

    units = sizes.units
    jk = Contestant("JK", "jk", "jk", units, parameters("jk", units))
    found = [jk]
    for cell in others:
        title = cell.upper() if cell in ("lstm", "gru", "sr", "rnn") else cell
        found.append(Contestant(f"{title}, equal units", f"{cell}-units", cell, units, parameters(cell, units)))
        # the most units that need no more parameters than JK
        least, most = 1, 4 * units
        while least < most:
            middle = (least + most + 1) // 2
            least, most = (middle, most) if parameters(cell, middle) <= jk.parameters else (least, middle - 1)
        equal = Contestant(f"{title}, equal parameters", f"{cell}-parameters", cell, least, parameters(cell, least))
        found += [equal] if equal.units != units else []
    return found


def grid(rate: float, trials: int) -> list[tuple[float, bool]]:
    """Learning rate, and whether biases hold, of each trial."""
    pairs = itertools.product((True, False), FACTORS)
    # three digits: the rate that is printed is the one that is used
    return [(float(f"{factor * rate:.3g}"), hold) for hold, factor in itertools.islice(pairs, trials)]


def _tuned(
    task: Task, one: Contestant, sizes: Any, data: TaskData, budget: Budget, folder: Path, say: Say
) -> list[dict[str, Any]]:
    """The contestant's trials: settings, and the loss on what was held out; kept in a file as they come."""
    epochs = budget.trial_epochs or max(1, math.ceil((budget.epochs or sizes.epochs) / 3))
    path = folder / f"{one.slug}.trials.json"
    done: list[dict[str, Any]] = _read(path) if path.exists() else []
    trials = []
    for rate, hold in grid(sizes.learning_rate, budget.trials):
        settings = {"learning_rate": rate, "hold_bias": hold, "epochs": epochs, "units": one.units}
        settings["centered"] = task.settled(RecurrentOptions(one.cell), sizes).centered
        trial = next((trial for trial in done if settings.items() <= trial.items()), None)
        if trial is None:
            loss = _trial(task, one, dataclasses.replace(sizes, units=one.units), data, settings)
            trial = {**settings, "loss": loss}
            done.append(trial)
            write_atomic(path, json.dumps(done, indent=2) + "\n")
            say(f"  trial: learning rate {rate:g}{'' if hold else ', plain biases'}: loss {loss:.4g}")
        trials.append(trial)
    return trials


def _trial(task: Task, one: Contestant, sizes: Any, data: TaskData, settings: dict[str, Any]) -> float:
    import keras

    from ffhw.training.batches import Batches, rows
    from ffhw.training.checkpoint import fit

    keras.utils.set_random_seed(1)
    held = np.zeros(len(data.y), bool)
    held[np.random.default_rng(0).permutation(len(held))[: max(1, len(held) // HELD_OUT)]] = True
    kept = dataclasses.replace(data, x=rows(data.x, ~held), y=data.y[~held])
    sizes = dataclasses.replace(sizes, learning_rate=settings["learning_rate"], epochs=settings["epochs"])
    options = RecurrentOptions(one.cell, one.units, settings["hold_bias"])
    model = task.build(options, sizes, data, 1)
    task.compile(model, sizes, sizes.epochs * -(-len(kept.y) // sizes.batch_size))
    fit(model, task.feed(kept, sizes, 1), sizes.epochs, None, math.inf, lambda *_: None)
    judged = Batches(rows(data.x, held), data.y[held], sizes.batch_size, 0)
    loss = float(model.evaluate(judged, verbose=0, return_dict=True)["loss"])
    keras.backend.clear_session()
    # a training that diverged is the worst there is
    return loss if math.isfinite(loss) else sys.float_info.max


def _counted(
    task: Task, one: Contestant, preset: str | None, best: dict[str, Any], seed: int, budget: Budget, folder: Path,
    say: Say,
) -> dict[str, Any]:  # fmt: skip
    """One training that counts, as a process of its own: its figure, its time an epoch and its peak of memory.

    Raises
    ------
    ToolError: it failed.
    """
    target = folder / f"{one.slug}-{seed}.keras"
    wanted = {"cell": one.cell, "units": one.units, "learning_rate": best["learning_rate"], "seed": seed}
    wanted |= {
        "centered": best["centered"],
        "hold_bias": best["hold_bias"],
        **({"epochs": budget.epochs} if budget.epochs else {}),
    }
    record = _read(target.with_suffix(".json")) if target.with_suffix(".json").exists() else {}
    if not wanted.items() <= record.items():
        command = [sys.executable, "-m", "ffhw", "train", task.name, "-o", str(target), "--seed", str(seed)]
        command += ["--cell", one.cell, "--units", str(one.units), "--learning-rate", str(best["learning_rate"])]
        command += [] if best["hold_bias"] else ["--no-hold-bias"]
        command += ["--preset", preset] if preset else []
        command += ["--epochs", str(budget.epochs)] if budget.epochs else []
        done = run(command)
        if done.returncode:
            raise ToolError(f"{' '.join(command[2:])} failed: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
        record = _read(target.with_suffix(".json"))
    figure = record["test"][task.judged_by]
    say(f"  seed {seed}: {task.judged_by} {figure:.4g}, {record['train_seconds']:.0f} s")
    return {
        "seed": seed,
        "test": record["test"],
        "figure": figure,
        "seconds_per_epoch": record["train_seconds"] / record["epochs"],
        "peak_mib": record["peak_mib"],
    }


def summary(runs: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Mean figure of the seeds, and half the width of its 95 % interval (Student's t)."""
    from scipy import stats

    figures = np.array([one["figure"] for one in runs])
    half = stats.t.ppf(0.975, len(figures) - 1) * figures.std(ddof=1) / math.sqrt(len(figures))
    return {
        "mean": float(figures.mean()),
        "interval": float(half),
        "seconds_per_epoch": float(np.median([one["seconds_per_epoch"] for one in runs])),
        "peak_mib": max(one["peak_mib"] for one in runs),
    }


def verdict(jk: dict[str, Any], other: dict[str, Any], most_is_best: bool) -> str:
    """``wins``, ``ties`` or ``loses``: a tie unless the means differ at the 5 % level (Welch's test)."""
    from scipy import stats

    ours, theirs = ([one["figure"] for one in row["runs"]] for row in (jk, other))
    if np.ptp(ours) == np.ptp(theirs) == 0:
        chance = 1.0 if ours[0] == theirs[0] else 0.0
    else:
        with warnings.catch_warnings():
            # seeds that agree to the last digit are no reason to doubt
            warnings.simplefilter("ignore", RuntimeWarning)
            chance = float(stats.ttest_ind(ours, theirs, equal_var=False).pvalue)
    if chance >= 0.05:
        return "ties"
    return "wins" if (np.mean(ours) > np.mean(theirs)) == most_is_best else "loses"


def _seeds(budget: Budget) -> range:
    return range(1, budget.seeds + 1)


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}; remove it to begin anew") from None

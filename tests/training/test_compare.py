"""Comparisons of cells: who takes part, equal budgets, what is kept, and what the figures say."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from ffhw.errors import InputError
from ffhw.training import compare as module
from ffhw.training.compare import Budget, compare, contestants, grid, summary, verdict
from ffhw.training.networks.options import RecurrentOptions
from ffhw.training.tasks import TASKS, TaskData


def runs(*figures):
    return [{"figure": f, "seconds_per_epoch": 1.0, "peak_mib": 10 + n} for n, f in enumerate(figures)]


def test_the_other_cell_takes_part_at_equal_units_and_at_no_more_parameters():
    task = TASKS["signal"]
    sizes = task.preset(RecurrentOptions())
    jk, units, parameters = contestants(task, ["lstm"], sizes, None)
    assert (jk.cell, jk.units, jk.parameters) == ("jk", 50, 15_751)
    assert (units.cell, units.units) == ("lstm", 50)
    assert parameters.parameters <= jk.parameters < parameters.parameters * 1.08
    assert parameters.units < 50


def test_a_cell_that_the_task_does_not_have_is_refused():
    task = TASKS["signal"]
    with pytest.raises(InputError, match=r"^signal takes --cell jk, lstm, gru, not 'rnn'$"):
        contestants(task, ["rnn"], task.preset(RecurrentOptions()), None)


def test_every_budget_buys_the_same_trials():
    assert grid(0.01, 3) == [(0.01, True), (0.00333, True), (0.03, True)]
    assert grid(0.01, 6)[3:] == [(rate, False) for rate, _ in grid(0.01, 3)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trials": 7}, "--trials must be from 1 to 6, not 7"),
        ({"seeds": 1}, "--seeds must be at least 2: one training tells nothing of chance; not 1"),
        ({"epochs": 0}, "--epochs must be at least 1, not 0"),
    ],
)
def test_budgets_out_of_range(options, message):
    with pytest.raises(InputError, match=f"^{message}$"):
        Budget(**options)


def test_mean_and_interval_are_students():
    given = summary(runs(1.0, 2.0, 3.0))
    # t of 2 degrees of freedom at 97.5 % is 4.3027; the mean's error 1 / sqrt(3)
    assert given["mean"] == pytest.approx(2.0)
    assert given["interval"] == pytest.approx(4.3027 / 3**0.5, rel=1e-4)
    assert given["peak_mib"] == 12


def test_a_difference_within_chance_is_a_tie():
    def row(*figures):
        return {"runs": runs(*figures)}

    near, far = row(0.90, 0.95, 0.92), row(0.50, 0.52, 0.51)
    assert verdict(near, row(0.91, 0.93, 0.96), most_is_best=True) == "ties"
    assert verdict(near, far, most_is_best=True) == "wins"
    assert verdict(near, far, most_is_best=False) == "loses"
    assert verdict(row(1.0, 1.0), row(1.0, 1.0), most_is_best=True) == "ties"
    assert verdict(row(1.0, 1.0), row(0.5, 0.5), most_is_best=True) == "wins"
    assert verdict(row(0.975, 0.975, 0.975), row(1.0, 0.925, 1.0), most_is_best=True) == "ties"


@pytest.mark.long
def test_a_comparison_that_was_ended_goes_on(tmp_path, monkeypatch):
    """Everything is trained once; a second call trains nothing, and a changed budget what it adds."""
    rng = np.random.default_rng(0)
    task = TASKS["japanese-vowels"]
    x = rng.normal(size=(20, 5, 12)).astype(np.float32)
    few = TaskData(x, np.arange(20) % 9, x[:9], np.arange(9), np.full(9, 5))
    task = dataclasses.replace(task, load=lambda seed: few)
    commands = []

    def train(command):
        commands.append(command)
        arguments = {name: command[n + 1] for n, name in enumerate(command[:-1]) if name.startswith("--")}
        path = Path(command[command.index("-o") + 1])
        record = {
            "cell": arguments["--cell"],
            "units": int(arguments["--units"]),
            "learning_rate": float(arguments["--learning-rate"]),
            "seed": int(arguments["--seed"]),
            "hold_bias": True,
            "centered": False,
            "epochs": 1,
            "train_seconds": 2.0,
            "peak_mib": 5,
            "baseline": {},
            "test": {"accuracy": 0.5 + 0.1 * int(arguments["--seed"])},
        }
        path.with_suffix(".json").write_text(json.dumps(record))
        return type("Finished", (), {"returncode": 0})()

    monkeypatch.setattr(module, "run", train)
    told = []
    budget = Budget(trials=1, trial_epochs=1, seeds=2, epochs=1)
    record = compare(task, tmp_path, ["lstm"], None, budget, told.append)
    assert len(commands) == 6
    assert sum("trial" in line for line in told) == 3
    assert record["rows"][1]["jk"] == "ties"
    assert json.loads((tmp_path / "compare.json").read_text())["judged_by"] == "accuracy"
    told.clear()
    again = compare(task, tmp_path, ["lstm"], None, budget, told.append)
    assert again == record
    assert len(commands) == 6
    assert not any("trial" in line for line in told)
    compare(task, tmp_path, ["lstm"], None, dataclasses.replace(budget, seeds=3), told.append)
    assert len(commands) == 9

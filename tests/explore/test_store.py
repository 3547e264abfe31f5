"""The store: results are found, damage is noticed, other people's files stay."""

from __future__ import annotations

import json

import pytest

from ffhw.errors import OutputError
from ffhw.explore.jobs import Estimate
from ffhw.explore.store import Store
from ffhw.numbers.scales import Widths

JOB = Estimate("0" * 64, None, "icebreaker", Widths(4), 3)
RESULT = {"score": 0.5, "designs": [1, 2]}


def never(text):
    raise AssertionError(text)


def test_what_is_written_is_read(tmp_path):
    store = Store(tmp_path / "explore")
    assert store.read(JOB, never) is None
    store.write(JOB, RESULT)
    assert Store(tmp_path / "explore").read(JOB, never) == RESULT
    assert store.others([]) == 1
    assert store.others([JOB]) == 0


def other_result(text):
    return json.dumps({**json.loads(text), "result": {"score": 0.9}})


def other_job(text):
    return json.dumps({**json.loads(text), "job": {**json.loads(text)["job"], "foldings": 4}})


@pytest.mark.parametrize(
    "damage",
    [lambda t: t[: len(t) // 2], lambda _: "", lambda _: "[1]", lambda _: "[" * 100_000, other_result, other_job],
    ids=["cut", "empty", "list", "deep", "result", "job"],
)
def test_a_damaged_result_is_none_and_said(tmp_path, damage):
    store, said = Store(tmp_path / "explore"), []
    store.write(JOB, RESULT)
    (path,) = (tmp_path / "explore/jobs").iterdir()
    path.write_text(damage(path.read_text()))
    assert store.read(JOB, said.append) is None
    assert len(said) == 1
    assert str(path) in said[0]
    store.write(JOB, RESULT)
    assert store.read(JOB, never) == RESULT


def test_a_folder_of_other_files_is_refused_and_stays(tmp_path):
    (tmp_path / "thesis.txt").write_text("years")
    with pytest.raises(OutputError, match="holds other files and is not an exploration"):
        Store(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("name", ["notes.txt", "jobs/notes.json", "jobs/deeper/x"])
def test_a_file_that_is_not_ours_in_a_store_is_refused_by_name(tmp_path, name):
    Store(tmp_path / "explore").write(JOB, RESULT)
    foreign = tmp_path / "explore" / name
    foreign.parent.mkdir(exist_ok=True)
    foreign.write_text("mine")
    with pytest.raises(OutputError, match=name):
        Store(tmp_path / "explore")

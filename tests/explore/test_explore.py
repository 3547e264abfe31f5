"""Explorations: the same results whoever answers, nothing done twice, and a command for each design that gives it."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import shlex

import numpy as np
import pytest
from commands import ffhw

from ffhw.errors import InputError, ToolError
from ffhw.explore.answer import answer
from ffhw.explore.explore import Sweep, _designs, _median, explore
from ffhw.explore.jobs import Estimate
from ffhw.explore.local import run_local
from ffhw.explore.store import Store
from ffhw.numbers.scales import Widths

SWEEP = Sweep("icebreaker", bits=(3, 5), weight_bits=(2, "ternary"), foldings=3)


@pytest.fixture(scope="module")
def files(keras_models, tmp_path_factory):
    rng, path = np.random.default_rng(5), tmp_path_factory.mktemp("explore") / "x.npz"
    np.savez(path, x=rng.normal(size=(20, 9, 4)), y=rng.integers(0, 3, 20))
    return keras_models / "classifier.keras", path


def here(jobs, source, done, fail_at=None):
    """Answers jobs in this process, from the last to the first."""
    for number, job in enumerate(reversed(jobs)):
        if number == fail_at:
            raise ToolError("killed")
        done(job, answer(job, source))


def tried(folder, files, run=here, sweep=SWEEP):
    """The record, and what was said."""
    said = []
    return explore(*files, sweep, Store(folder), run, said.append), said


def stored(folder):
    return {path.name: path.read_bytes() for path in (folder / "jobs").iterdir()}


@pytest.fixture(scope="module")
def whole(files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("explore") / "whole"
    return tried(folder, files)[0], stored(folder)


def test_processes_give_the_same_as_one_after_the_other(files, whole, tmp_path):
    record, _ = tried(tmp_path / "e", files, functools.partial(run_local, workers=3))
    assert (record, stored(tmp_path / "e")) == whole


def test_eight_workers_of_dask_give_the_same(files, whole, tmp_path):
    from distributed import LocalCluster

    from ffhw.explore.remote import run_remote

    options = {"processes": False, "protocol": "tcp", "dashboard_address": None, "threads_per_worker": 1}
    with LocalCluster(n_workers=8, **options) as cluster:
        run = functools.partial(run_remote, address=cluster.scheduler_address)
        record, _ = tried(tmp_path / "e", files, run)
    assert (record, stored(tmp_path / "e")) == whole


def test_what_is_there_is_not_done_again(files, whole, tmp_path):
    asked = []

    def counting(jobs, source, done, fail_at=None):
        asked.append(len(jobs))
        here(jobs, source, done, fail_at)

    with pytest.raises(ToolError):
        tried(tmp_path / "e", files, functools.partial(counting, fail_at=3))
    assert len(stored(tmp_path / "e")) == 3
    record, said = tried(tmp_path / "e", files, counting)
    assert "estimating: 3 of 4 are there already, 1 to do" in said
    assert (record, stored(tmp_path / "e")) == whole
    tried(tmp_path / "e", files, counting)
    assert asked == [4, 1]
    # more of it: only what is new
    _, said = tried(
        tmp_path / "e", files, counting, Sweep("icebreaker", bits=(3, 5), weight_bits=(2, 3, "ternary"), foldings=3)
    )
    assert asked == [4, 1, 2]
    assert len(said) == len(set(said))


def test_a_damaged_result_is_done_again(files, whole, tmp_path):
    tried(tmp_path / "e", files)
    name = sorted(whole[1])[1]
    (tmp_path / "e/jobs" / name).write_text("{}")
    record, said = tried(tmp_path / "e", files)
    assert any(name in line and "done again" in line for line in said)
    assert (record, stored(tmp_path / "e")) == whole


def test_another_models_results_stay_and_are_not_taken(files, keras_models, whole, tmp_path):
    tried(tmp_path / "e", files)
    record, said = tried(tmp_path / "e", (keras_models / "stacked.keras", None))
    assert record["model"]["file"] == "stacked.keras"
    assert any(f"{tmp_path / 'e'} keeps 4 results of other explorations as well" in line for line in said)
    assert whole[1].items() < stored(tmp_path / "e").items()
    assert tried(tmp_path / "e", files)[0] == whole[0]


def test_each_command_gives_its_design(files, whole, tmp_path):
    record, _ = whole
    assert len(record["designs"]) > 4
    # the command line takes a second each
    for number in (0, len(record["designs"]) - 1):
        design = record["designs"][number]
        words = shlex.split(design["export"])[1:]
        run = ffhw(*words, cwd=tmp_path)
        assert run.returncode == 0, run.stderr
        content = (tmp_path / "build/network.npz").read_bytes()
        assert hashlib.sha256(content).hexdigest() == design["network_sha256"]
        foldings = [f for f in json.loads((tmp_path / "build/design.json").read_text())["foldings"] if f]
        assert [f["lanes"] for f in foldings] == design["lanes"]
        assert [f["simd"] for f in foldings] == design["simd"]
        accuracy = json.loads((tmp_path / "build/accuracy.json").read_text())["quantized"]["accuracy"]
        assert f"{accuracy:.6g}" == f"{design['score']['accuracy']:.6g}"


def test_fronts_are_of_the_designs(whole):
    designs = whole[0]["designs"]
    points = [(design["score"]["accuracy"], design["figures"]["luts"]) for design in designs]
    for design, (score, luts) in zip(designs, points, strict=True):
        assert not design["on_logic_front"] or not any(s >= score and less < luts for s, less in points)
    assert any(design["on_logic_front"] for design in designs)
    assert any(design["on_speed_front"] for design in designs)


def test_widths_that_give_the_same_network_stand_once(files, tmp_path):
    """A flip-flop has no cell state, so its width changes nothing."""
    jobs = [Estimate("0", None, "icebreaker", Widths(4, cell_bits=c), 1) for c in (3, 4)]
    design = {"lanes": [1], "simd": [1], "over": []}
    widths = dataclasses.asdict(jobs[0].widths)
    result = {"widths": widths, "quantized": {"accuracy": 1.0}, "network_sha256": "a", "designs": [design]}
    designs, impossible = _designs(jobs, {job.digest: result for job in jobs})
    assert len(designs) == 1
    assert not impossible


def test_what_cannot_be_has_a_reason(files, tmp_path):
    record, _ = tried(tmp_path / "e", files, sweep=Sweep("icestick", bits=(2, 16)))
    assert [each["widths"]["bits"] for each in record["impossible"]] == [16]
    assert "no folding fits" in record["impossible"][0]["reason"]
    record, _ = tried(tmp_path / "e", files, sweep=Sweep("icebreaker", bits=(8,), foldings=0, lanes=(1, 6)))
    assert [design["figures"] is None for design in record["designs"]] == [False, True]
    assert record["designs"][1]["reason"].startswith("does not fit by estimate: multipliers")


def built(fmax, **fields):
    cells = {"luts": 900, "multipliers": 1, "block_rams": 3, "flip_flops": 400}
    return {"bundle": "b", **cells, "fmax_mhz": fmax, "cycles_per_step": 100, "steps_per_second": fmax * 1e4, **fields}


def test_built_designs_have_the_tools_figures(files, tmp_path):
    """Of three seeds the median; what no seed could route has a reason, and no figures."""

    def tools(jobs, source, done):
        for job in jobs:
            if job.kind == "estimate":
                done(job, answer(job, source))
            elif job.widths.bits == 5 or job.seed == 3:
                done(job, {"impossible": "no route", "mismatch": False})
            else:
                done(job, built(40.0 + job.seed))

    record, _ = tried(tmp_path / "e", files, tools, Sweep("icebreaker", bits=(3, 5), foldings=1, seeds=3))
    good, bad = sorted(record["designs"], key=lambda design: design["widths"]["bits"])
    assert good["built"]["fmax_mhz_of_seeds"] == [41.0, 42.0, None]
    assert good["figures"]["fmax_mhz"] == 41.5
    assert good["figures"]["steps_per_second"] == 415_000
    assert good["figures"]["luts"] == 900
    assert good["estimate"]["luts"] != 900
    assert (bad["figures"], bad["reason"]) == (None, "no route")
    assert not bad["on_logic_front"]


def test_one_wrong_netlist_is_enough():
    wrong = {"impossible": "differs", "mismatch": True}
    assert _median([built(40.0), wrong]) == wrong


def test_no_widths_are_tried_of_what_was_trained_on_integers(files, tmp_path, monkeypatch):
    monkeypatch.setattr("ffhw.layers.jk.FloatJK.settled", "'jk' of 4 bits", raising=False)
    record, said = tried(tmp_path / "e", files)
    assert any("'jk' of 4 bits" in line for line in said)
    assert len(stored(tmp_path / "e")) == 1
    assert len({json.dumps(design["widths"]) for design in record["designs"]}) == 1


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"board": "nix"}, "--board must be one of"),
        (
            {"bits": range(1, 17), "weight_bits": range(1, 17), "state_bits": range(1, 17), "input_bits": (1, 2)},
            "8,192",
        ),
        ({"foldings": 0}, "--foldings must be from 1"),
        ({"seeds": 1000}, "--seeds must be from 1"),
        ({"bits": (0,)}, "--bits must be from 1 to 16"),
    ],
)
def test_what_is_out_of_range_is_refused(fields, message):
    with pytest.raises(InputError, match=message):
        Sweep(**{"board": "icebreaker", **fields})

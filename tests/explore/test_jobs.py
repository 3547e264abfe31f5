"""A job's digest: everything that the answer depends on, and nothing else."""

from __future__ import annotations

import dataclasses

import pytest

from ffhw.errors import ToolError
from ffhw.explore.jobs import Build, Estimate, Source, job_of
from ffhw.numbers.scales import Widths

SOURCE = Source("m.keras", b"model", "x.npz", b"data")
ESTIMATE = Estimate(*SOURCE.digests, "icebreaker", Widths(4), 3)
BUILD = Build(*SOURCE.digests, "icebreaker", Widths(4), ("m.keras", "x.npz"), (2, 1), (1, 1), 1, True, {"yosys": "1"})


@pytest.mark.parametrize("job", [ESTIMATE, BUILD])
def test_jobs_come_back_from_json(job):
    assert job_of(job.to_dict()) == job
    assert job_of(job.to_dict()).digest == job.digest


@pytest.mark.parametrize(
    ("job", "changes"),
    [
        (
            ESTIMATE,
            [
                {"model": "0" * 64}, {"data": None}, {"board": "ulx3s-85f"}, {"widths": Widths(4, 2)}, {"foldings": 4},
                {"foldings": 0, "lanes": (1, 2)}, {"foldings": 0, "simd": (1, 2)}, {"ffhw": "9"},
            ],
        ),
        (
            BUILD,
            [
                {"lanes": (1, 1)}, {"simd": (2, 1)}, {"seed": 2}, {"check_netlist": False}, {"tools": {"yosys": "2"}},
                {"names": ("m.keras", "y.npz")}, {"widths": Widths(4, input_bits=5)},
            ],
        ),
    ],
)  # fmt: skip
def test_whatever_changes_the_answer_changes_the_digest(job, changes):
    digests = {job.digest, *(dataclasses.replace(job, **change).digest for change in changes)}
    assert len(digests) == 1 + len(changes)
    assert ESTIMATE.digest != BUILD.digest


def test_a_digest_is_the_same_tomorrow():
    """Results on disk are found by it."""
    job = dataclasses.replace(ESTIMATE, ffhw="0.1.0")
    assert job.digest == "48fe1028f8222d22adbcd30d89f5d3f1f7a8b08230657e690e04da6b4db5cda7"


def test_other_files_and_versions_are_not_answered():
    ESTIMATE.check(SOURCE)
    with pytest.raises(ToolError, match="other files"):
        ESTIMATE.check(dataclasses.replace(SOURCE, data=b"other"))
    with pytest.raises(ToolError, match=r"a worker has ffhw 0\.1\.0\+[0-9a-f]{12}, the job asks for 9"):
        dataclasses.replace(ESTIMATE, ffhw="9").check(SOURCE)


def test_titles_tell_jobs_apart():
    assert dataclasses.replace(ESTIMATE, widths=Widths(4, 2)).title == "--bits 4 --weight-bits 2"
    assert BUILD.title == "--bits 4 --lanes 2,1, seed 1"

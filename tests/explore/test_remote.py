"""Dask: what is not there is told; a worker that breaks or is lost ends in one line."""

from __future__ import annotations

import pytest

from ffhw.errors import FitError, InputError, ToolError
from ffhw.explore import remote
from ffhw.explore.jobs import Estimate
from ffhw.numbers.scales import Widths

JOB = Estimate("0" * 64, None, "icebreaker", Widths(4), 3)


class Future:
    def __init__(self, error):
        self.error = error

    def result(self):
        raise self.error


def test_addresses():
    assert remote.check_address("tcp://localhost:8786") == "tcp://localhost:8786"
    with pytest.raises(InputError, match="--scheduler takes an address such as tcp://localhost:8786, not 'localhost'"):
        remote.check_address("localhost")


@pytest.mark.parametrize("address", ["tcp://[", "nix://localhost:1"])
def test_a_scheduler_that_is_not_there(address):
    with pytest.raises(ToolError, match=r"^no Dask scheduler at "):
        remote.run_remote([JOB], None, address=address, done=None)


def test_a_scheduler_without_workers(monkeypatch):
    from distributed import LocalCluster

    monkeypatch.setattr(remote, "_PATIENCE_S", 1)
    with LocalCluster(n_workers=0, processes=False, protocol="tcp", dashboard_address=None) as cluster:
        with pytest.raises(ToolError, match="has no workers: start some with dask worker tcp://"):
            remote.run_remote([JOB], None, address=cluster.scheduler_address, done=None)


def test_failures_keep_their_class_and_others_are_one_line():
    with pytest.raises(FitError, match=r"^--bits 4: too large$"):
        remote._result(Future(FitError("too large")), JOB)
    with pytest.raises(ToolError, match=r"^--bits 4: a worker was lost or broke: first; what is done is kept"):
        remote._result(Future(RuntimeError("first\nsecond")), JOB)

"""Jobs on the machines of a Dask scheduler. Files travel by content; nothing but ffhw must be installed there."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from typing import Any

from ffhw.errors import FfhwError, InputError, ToolError
from ffhw.explore.answer import answer
from ffhw.explore.jobs import KEPT, Job, Result, Source

# How long a scheduler and its first worker may take to answer.
_PATIENCE_S = 15


def run_remote(jobs: Sequence[Job], source: Source, done: Callable[[Job, Result], None], address: str) -> None:
    """Answer jobs with the workers of a scheduler; ``done`` is told of each as it is answered, in this thread.

    Parameters
    ----------
    address: as ``dask scheduler`` prints it, ``tcp://host:8786``.

    Raises
    ------
    ToolError: no Dask, no scheduler or no worker there; or a worker was lost or broke.
    """
    # lost connections are told in one line, by us
    logging.getLogger("distributed").setLevel(logging.CRITICAL + 1)
    try:
        from distributed import Client, as_completed
    except ImportError as error:
        raise ToolError(f"--scheduler needs {error.name}: pip install 'ffhw[dask]'") from None
    client = _connect(Client, address)
    try:
        given = client.scatter(source, broadcast=False)
        # one run's jobs are its own: what another one left unfinished or broken is none of ours
        run = os.urandom(8).hex()
        waiting = {client.submit(answer, job, given, key=f"ffhw-{run}-{job.digest}", pure=False): job for job in jobs}
        for future in as_completed(waiting, loop=client.loop):
            done(waiting[future], _result(future, waiting[future]))
    finally:
        client.close()


def check_address(address: str) -> str:
    """The same address.

    Raises
    ------
    InputError: it is none.
    """
    if "://" not in address:
        raise InputError(f"--scheduler takes an address such as tcp://localhost:8786, not {address!r}")
    return address


def _connect(connect: Any, address: str) -> Any:
    try:
        client = connect(address, timeout=_PATIENCE_S, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ToolError(f"no Dask scheduler at {address}: {reason}") from None
    try:
        client.wait_for_workers(1, timeout=_PATIENCE_S)
    except (TimeoutError, OSError):
        client.close()
        raise ToolError(f"the scheduler at {address} has no workers: start some with dask worker {address}") from None
    return client


def _result(future: Any, job: Job) -> Result:
    try:
        result: Result = future.result()
    except FfhwError as error:
        raise type(error)(f"{job.title}: {error}") from None
    except Exception as error:  # whatever happens on other machines, by exceptions of Dask's own
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise ToolError(f"{job.title}: a worker was lost or broke: {lines[0]}; {KEPT}") from None
    return result

"""Jobs on this machine: a process each, so many at a time."""

from __future__ import annotations

import concurrent.futures
import json
import sys
import time
from collections.abc import Callable, Sequence

from ffhw.errors import FfhwError, InputError, OutputError, ToolError
from ffhw.explore.jobs import KEPT, Job, Result, Source
from ffhw.explore.worker import pack
from ffhw.processes import end_programs, run, scratch_folder

MOST_WORKERS = 256
_WORKER = ("-m", "ffhw.explore.worker")
# Workers are the parallelism; each library with threads of its own beside that only makes them wait for each other.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_BY_CODE = {kind.exit_code: kind for kind in (InputError, OutputError, ToolError)}


def run_local(jobs: Sequence[Job], source: Source, done: Callable[[Job, Result], None], workers: int) -> None:
    """Answer jobs; ``done`` is told of each as it is answered, in this thread.

    Raises
    ------
    ToolError: a worker was killed or broke, or a tool is missing; then no other one is left running.
    """
    with scratch_folder("workers") as folder, concurrent.futures.ThreadPoolExecutor(workers) as pool:
        (folder / "source").mkdir()
        (folder / "work").mkdir()
        pack(source, folder / "source")
        # what a killed worker leaves is in our folder, and goes with it
        environment = {**_ONE_THREAD, "TMPDIR": str(folder / "work")}

        def work(job: Job) -> Result:
            arguments = (folder / "source", json.dumps(job.to_dict()))
            finished = run([sys.executable, *_WORKER, *arguments], env=environment)
            if finished.returncode:
                raise _failure(job, finished.returncode, finished.stderr)
            result: Result = json.loads(finished.stdout.splitlines()[-1])
            return result

        waiting = {pool.submit(work, job): job for job in jobs}
        try:
            for future in concurrent.futures.as_completed(waiting):
                done(waiting[future], future.result())
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            while not all(future.done() for future in waiting):
                # more than once: a thread may be about to start a worker
                end_programs()
                time.sleep(0.05)
            raise


def check_workers(workers: int) -> int:
    """The same number.

    Raises
    ------
    InputError: out of range.
    """
    if not 1 <= workers <= MOST_WORKERS:
        raise InputError(f"--workers must be from 1 to {MOST_WORKERS}, not {workers}")
    return workers


def _failure(job: Job, code: int, said: str) -> FfhwError:
    """Why a worker gave no answer."""
    if code < 0:
        return ToolError(f"a worker was killed at {job.title}: is there enough memory? {KEPT}")
    lines = said.strip().splitlines() or ["no message"]
    return _BY_CODE.get(code, ToolError)(f"{job.title}: {lines[-1]}")

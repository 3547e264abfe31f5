"""Where results are kept: a file a job, named by the job's digest, written whole or not at all.

    store.json       what this folder is
    jobs/DIGEST.json a job, its result, and the result's digest
    explore.json     what the last exploration found
    index.html       the same as a page

A store takes results of any number of explorations; each finds its own.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ffhw.errors import InputError, OutputError
from ffhw.explore.jobs import Job, Result
from ffhw.files import check_folder, read_regular, write_atomic, write_together
from ffhw.processes import sweep

_MARKER = "store.json"
_MARK = {"ffhw_explore": 1}
PAGES = ("explore.json", "index.html")
_RESULT = re.compile(r"jobs/[0-9a-f]{64}\.json")
_MOST_BYTES = 4 << 20


class Store:
    """The folder of an exploration; made where there is none.

    Raises
    ------
    OutputError: it cannot be written, or holds files that are not of a store.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._jobs = folder / "jobs"
        sweep(folder)
        sweep(self._jobs)
        check_folder(folder, "an exploration", self._own_files())
        try:
            self._jobs.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot write {folder}: {error.strerror}") from None
        write_atomic(folder / _MARKER, json.dumps(_MARK) + "\n")

    def _own_files(self) -> set[str] | None:
        """Files that a store has, as far as they are here; None if nothing says that this is one."""
        try:
            marked = json.loads(read_regular(self.folder / _MARKER, _MOST_BYTES)) == _MARK
        except (InputError, ValueError, RecursionError):
            marked = False
        if not marked:
            return None
        return {_MARKER, *PAGES, *self._results()}

    def _results(self) -> set[str]:
        """Names of all results, whosever they are."""
        found = (f"jobs/{path.name}" for path in self._jobs.glob("*"))
        return {name for name in found if _RESULT.fullmatch(name)}

    def read(self, job: Job, note: Callable[[str], None]) -> Result | None:
        """The result of a job; None where there is none, or a damaged one, of which ``note`` is told."""
        path = self._path(job)
        if not path.exists():
            return None
        try:
            content = json.loads(read_regular(path, _MOST_BYTES))
            result: Result = content["result"]
            sound = content["job"] == job.to_dict() and content["sha256"] == _digest(result)
        except (InputError, ValueError, RecursionError, KeyError, TypeError):
            sound = False
        if sound:
            return result
        note(f"{path} is damaged: its job is done again")
        return None

    def write(self, job: Job, result: Result) -> None:
        """Keep the result of a job.

        Raises
        ------
        OutputError: it cannot be written.
        """
        content = {"job": job.to_dict(), "result": result, "sha256": _digest(result)}
        write_atomic(self._path(job), json.dumps(content, indent=2) + "\n")

    def write_pages(self, record: dict[str, Any], page: str) -> None:
        """What an exploration found, for programs and for people."""
        contents = (json.dumps(record, indent=2) + "\n", page)
        write_together(dict(zip((self.folder / name for name in PAGES), contents, strict=True)))

    def others(self, jobs: list[Job]) -> int:
        """Results of other explorations."""
        return len(self._results() - {f"jobs/{job.digest}.json" for job in jobs})

    def _path(self, job: Job) -> Path:
        return self._jobs / f"{job.digest}.json"


def _digest(result: Result) -> str:
    return hashlib.sha256(json.dumps(result, sort_keys=True).encode()).hexdigest()

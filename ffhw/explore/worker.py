"""One job in a process of its own: ``python -m ffhw.explore.worker FOLDER JOB``.

FOLDER holds the source (:func:`pack`), JOB is the job as JSON. The answer is the last line of standard output, as JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ffhw.errors import FfhwError
from ffhw.explore.jobs import Source, job_of
from ffhw.processes import clear_away, end_at_signals

_NAMES = "names.json"


def pack(source: Source, folder: Path) -> None:
    """Write a source into an empty folder, for workers."""
    (folder / _NAMES).write_text(json.dumps([source.model_name, source.data_name]))
    (folder / "model").write_bytes(source.model)
    if source.data is not None:
        (folder / "data").write_bytes(source.data)


def _unpack(folder: Path) -> Source:
    model_name, data_name = json.loads((folder / _NAMES).read_text())
    data = None if data_name is None else (folder / "data").read_bytes()
    return Source(model_name, (folder / "model").read_bytes(), data_name, data)


def main() -> int:
    """Answer the job that the command line names; the exit code says which kind of failure there was, if any."""
    end_at_signals()
    from ffhw.explore.answer import answer

    try:
        result = answer(job_of(json.loads(sys.argv[2])), _unpack(Path(sys.argv[1])))
    except FfhwError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    finally:
        clear_away()
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
